"""Block the event loop, or use a thread instead.

Problem: while one coroutine makes a blocking call, none of the others can run.
Solution: run the call in a thread of a pool, and await its result.

Run: python3 multithreaded-asyncio.py
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from common_logging import exit_status, get_logger, report, start_scenario

BEATS = 10
BEAT_SECONDS = 0.01
QUERY_SECONDS = 1
LOGGER = get_logger(__name__)


async def beat() -> list[float]:
    """Beat like a server that answers other requests; return the times of the beats."""
    LOGGER.info("Task: 0 started beat")
    LOGGER.info("Task: 0 waits for its first beat")
    beats: list[float] = []
    while len(beats) < BEATS:
        await asyncio.sleep(BEAT_SECONDS)
        if not beats:
            LOGGER.info("Task: 0 got its first beat")
        beats.append(time.perf_counter())
    LOGGER.info("Task: 0 finished beat")
    return beats


def query() -> None:
    """Wait for a database, in a library that was not made for asyncio."""
    time.sleep(QUERY_SECONDS)


async def query_in_loop() -> float:
    """Wait for the database; return the time of its answer."""
    LOGGER.info("Task: 1 started query_in_loop")
    query()
    LOGGER.info("Task: 1 finished query_in_loop")
    return time.perf_counter()


async def query_in_thread() -> float:
    """Do the same, but have a thread wait for the database."""
    LOGGER.info("Task: 1 started query_in_thread")
    await asyncio.to_thread(query)
    LOGGER.info("Task: 1 finished query_in_thread")
    return time.perf_counter()


async def run_scenario(name: str, run_query: Callable[[], Awaitable[float]]) -> bool:
    """Beat and query at the same time; return if all beats came during the query."""
    start_scenario(LOGGER, name)
    beats, answered = await asyncio.gather(beat(), run_query())
    during = sum(moment < answered for moment in beats)
    return report(LOGGER, f"Beats during the query: {during}", during == BEATS, BEATS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    in_loop = asyncio.run(run_scenario("blocked loop", query_in_loop))
    in_thread = asyncio.run(run_scenario("thread", query_in_thread))
    return exit_status(LOGGER, in_loop, in_thread)


if __name__ == "__main__":
    raise SystemExit(main())
