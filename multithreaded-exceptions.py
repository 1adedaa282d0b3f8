"""Lose exceptions and results of threads, until every future is asked.

Problem: an exception in a thread waits in its future, and nobody hears of it who does
    not ask. `map` asks one after another, and never again after the first exception.
Solution: `submit` each task, and ask each future for its result in a `try` of its own.

Run: python3 multithreaded-exceptions.py
"""

import concurrent.futures
import time
from collections.abc import Callable

from common_logging import get_logger

THREADS = 5
RAISING_THREADS = (1, 3)
LOGGER = get_logger(__name__)

Outcomes = dict[int, str | Exception]
Ask = Callable[[concurrent.futures.Executor, Outcomes], None]


def foo_with_exception(thread_id: int) -> str:
    """Return a result, or raise ValueError in some of the threads."""
    LOGGER.info(f"Thread: {thread_id} started foo_with_exception")
    # The later a thread is started, the earlier it ends.
    time.sleep(0.05 * (THREADS - thread_id))
    if thread_id in RAISING_THREADS:
        raise ValueError(f"no result from thread {thread_id}")
    LOGGER.info(f"Thread: {thread_id} finished foo_with_exception")
    return f"result from thread {thread_id}"


def ask_nothing(executor: concurrent.futures.Executor, _outcomes: Outcomes) -> None:
    """Submit all tasks and drop their futures, so that nobody can ask them."""
    for thread_id in range(THREADS):
        executor.submit(foo_with_exception, thread_id)


def ask_map(executor: concurrent.futures.Executor, outcomes: Outcomes) -> None:
    """Take results in the order of the threads, which ends at the first exception."""
    try:
        results = executor.map(foo_with_exception, range(THREADS))
        for thread_id, result in enumerate(results):
            outcomes[thread_id] = result
    except Exception as error:
        # Whose it is, map doesn't say: it must be the next one's.
        LOGGER.warning("map ended here but should have gone on!", exc_info=error)
        outcomes[len(outcomes)] = error


def ask_each_future(executor: concurrent.futures.Executor, outcomes: Outcomes) -> None:
    """Take each outcome as soon as it is there, with the id of its thread."""
    thread_ids = {
        executor.submit(foo_with_exception, thread_id): thread_id
        for thread_id in range(THREADS)
    }
    for future in concurrent.futures.as_completed(thread_ids):
        thread_id = thread_ids[future]
        try:
            outcomes[thread_id] = future.result()
        except Exception as error:
            LOGGER.info(f"Thread: {thread_id} raised {error!r}")
            outcomes[thread_id] = error


def run_scenario(ask: Ask) -> int:
    """Run all threads, ask for their outcomes; return how many of them were kept."""
    outcomes: Outcomes = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        ask(executor, outcomes)

    exceptions = sum(isinstance(outcome, Exception) for outcome in outcomes.values())
    results = len(outcomes) - exceptions
    kept = f"Kept results: {results}, exceptions: {exceptions}"
    if len(outcomes) == THREADS:
        LOGGER.info(f"{kept}, of {THREADS} threads, congratulations!")
    else:
        LOGGER.warning(f"{kept} but should be {THREADS} in all!")
    return len(outcomes)


def main() -> int:
    """Run the three scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running lost exceptions scenario!")
    nothing_asked = run_scenario(ask_nothing)
    LOGGER.info("")

    LOGGER.info("Running lost results scenario!")
    map_asked = run_scenario(ask_map)
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    each_asked = run_scenario(ask_each_future)

    lost = nothing_asked == 0 and map_asked < THREADS
    return 0 if lost and each_asked == THREADS else 1


if __name__ == "__main__":
    raise SystemExit(main())
