"""Block the event loop, or use a thread instead.

Problem: an event loop runs all coroutines in one thread. While one of them makes a
    blocking call, none of the others can run.
Solution: run the call in a thread of a pool, and await its result.

Run: python3 multithreaded-asyncio.py
"""

import asyncio
import concurrent.futures
import time
from collections.abc import Coroutine

from common_logging import get_logger

BEATS = 10
BEAT_SECONDS = 0.01
QUERY_SECONDS = 1
# As in a server, this pool lives as long as the program.
POOL = concurrent.futures.ThreadPoolExecutor(max_workers=1)
LOGGER = get_logger(__name__)

beats = 0


async def beat() -> None:
    """Beat every hundredth of a second, like a server that answers other requests."""
    global beats
    beats = 0
    LOGGER.info("Task: 0 started beat")
    while beats < BEATS:
        await asyncio.sleep(BEAT_SECONDS)
        beats += 1
    LOGGER.info("Task: 0 finished beat")


def query() -> None:
    """Wait for a database, in a library that was not made for asyncio."""
    time.sleep(QUERY_SECONDS)


async def query_in_loop() -> int:
    """Wait for the database; return how many beats came meanwhile."""
    LOGGER.info("Task: 1 started query_in_loop")
    query()
    LOGGER.info("Task: 1 finished query_in_loop")
    return beats


async def query_in_thread() -> int:
    """Do the same, but have a thread wait for the database."""
    LOGGER.info("Task: 1 started query_in_thread")
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(POOL, query)
    LOGGER.info("Task: 1 finished query_in_thread")
    return beats


async def run_both(querying: Coroutine[None, None, int]) -> int:
    """Beat and query at the same time; return the number of beats during the query."""
    _, beats_meanwhile = await asyncio.gather(beat(), querying)
    return beats_meanwhile


def run_scenario(querying: Coroutine[None, None, int]) -> int:
    """Run an event loop until both are done; return the beats during the query."""
    in_time = asyncio.run(run_both(querying))
    if in_time == BEATS:
        LOGGER.info(f"Beats during the query: {in_time}, congratulations!")
    else:
        LOGGER.warning(f"Beats during the query: {in_time} but should be {BEATS}!")
    return in_time


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running blocked loop scenario!")
    in_loop = run_scenario(query_in_loop())
    LOGGER.info("")

    LOGGER.info("Running thread scenario!")
    in_thread = run_scenario(query_in_thread())

    return 0 if in_loop == 0 and in_thread == BEATS else 1


if __name__ == "__main__":
    raise SystemExit(main())
