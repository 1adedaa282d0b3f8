"""Read all input at once, or only a little ahead.

Problem: a loop with `submit` reads the whole input. If tasks are slower than reading,
    nearly all of the input waits in memory.
Solution: once enough tasks are in flight, use a result before reading more.

Run: python3 multithreaded-backpressure.py
"""

import collections
import concurrent.futures
import time
from collections.abc import Callable, Iterator

from common_logging import get_logger

TASKS = 4
BOUND = 2
LOGGER = get_logger(__name__)

Futures = collections.deque[concurrent.futures.Future[int]]

# How many tasks are in flight now, each with its input or its result in memory,
# and how many there were at most.
in_memory = most = 0


def read_input() -> Iterator[int]:
    """Yield numbers, as if each were a large image."""
    global in_memory, most
    for number in range(TASKS):
        in_memory += 1
        most = max(most, in_memory)
        LOGGER.info(f"Task: {number} queued. Tasks in flight: {in_memory}")
        yield number


def resize(task_id: int) -> int:
    """Take longer than reading the input does."""
    LOGGER.info(f"Task: {task_id} started resize")
    time.sleep(0.1)
    LOGGER.info(f"Task: {task_id} finished resize")
    return task_id


def use_result(future: concurrent.futures.Future[int]) -> None:
    """Wait for a result and use it. Then its task is no longer in flight."""
    global in_memory
    future.result()
    in_memory -= 1


def run_without_bound() -> None:
    """Submit a task for each input, then use the results in order."""
    futures = Futures()
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as executor:
        for number in read_input():
            futures.append(executor.submit(resize, number))
        while futures:
            use_result(futures.popleft())


def run_with_bound() -> None:
    """Do the same, but at the bound, use the oldest result before reading more."""
    futures = Futures()
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as executor:
        for number in read_input():
            futures.append(executor.submit(resize, number))
            if len(futures) == BOUND:
                use_result(futures.popleft())
        while futures:
            use_result(futures.popleft())


def run_scenario(run: Callable[[], None]) -> int:
    """Run all tasks; return how many were in flight at most."""
    global in_memory, most
    in_memory = most = 0
    run()
    if most <= BOUND:
        LOGGER.info(f"Peak tasks in flight: {most}, congratulations!")
    else:
        LOGGER.warning(f"Peak tasks in flight: {most} but should be {BOUND}!")
    return most


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running unbounded scenario!")
    without_bound = run_scenario(run_without_bound)
    LOGGER.info("")

    LOGGER.info("Running bounded scenario!")
    with_bound = run_scenario(run_with_bound)

    return 0 if without_bound == TASKS and with_bound == BOUND else 1


if __name__ == "__main__":
    raise SystemExit(main())
