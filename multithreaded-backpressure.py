"""Read all input at once, or only a little ahead.

Problem: a loop with `submit` reads the whole input into memory if its tasks are slow.
Solution: once enough tasks are in flight, use a result before reading more.

Run: python3 multithreaded-backpressure.py
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

BOUND = 2
TASKS = 2 * BOUND
LOGGER = get_logger(__name__)

# The tasks in flight: each has its image or its result in memory.
futures: deque[Future[int]] = deque()
# How many there were each time that an image was read.
counts: list[int] = []


def read_images() -> Iterator[int]:
    """Yield numbers, as if each were a large image."""
    for task_id in range(TASKS):
        counts.append(len(futures) + 1)
        LOGGER.info(f"Task: {task_id} queued. Tasks in flight: {counts[-1]}")
        yield task_id


def resize(task_id: int) -> int:
    """Take longer than reading an image does."""
    LOGGER.info(f"Task: {task_id} started resize")
    time.sleep(0.1)
    LOGGER.info(f"Task: {task_id} finished resize")
    return task_id


def run_without_bound(executor: ThreadPoolExecutor) -> None:
    """Submit a task for each image, then use the results in order."""
    for image in read_images():
        futures.append(executor.submit(resize, image))
    while futures:
        futures.popleft().result()


def run_with_bound(executor: ThreadPoolExecutor) -> None:
    """Do the same, but at the bound, use the oldest result before reading more."""
    for image in read_images():
        futures.append(executor.submit(resize, image))
        if len(futures) == BOUND:
            futures.popleft().result()
    while futures:
        futures.popleft().result()


def run_scenario(name: str, run: Callable[[ThreadPoolExecutor], None]) -> bool:
    """Run all tasks; return whether at most BOUND of them were in flight."""
    start_scenario(LOGGER, name)
    counts.clear()
    with ThreadPoolExecutor(max_workers=1) as executor:
        run(executor)
    peak = max(counts)
    return report(LOGGER, f"Peak tasks in flight: {peak}", peak <= BOUND, BOUND)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_bound = run_scenario("unbounded", run_without_bound)
    with_bound = run_scenario("bounded", run_with_bound)
    return exit_status(LOGGER, without_bound, with_bound)


if __name__ == "__main__":
    raise SystemExit(main())
