"""Lose exceptions in threads, then catch them all.

Problem: if you never ask a task's future for its result, you never see its exception.
Solution: keep the futures, and call `result()` on each in its own `try`.

Run: python3 multithreaded-exceptions.py
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

THREADS = 5
RAISING_THREADS = (1, 3)
LOGGER = get_logger(__name__)


def foo_with_exception(thread_id: int) -> str:
    """Return a result, or raise ValueError in some of the threads."""
    LOGGER.info(f"Thread: {thread_id} started foo_with_exception")
    time.sleep(0.1)
    if thread_id in RAISING_THREADS:
        raise ValueError(f"no result from thread {thread_id}")
    LOGGER.info(f"Thread: {thread_id} finished foo_with_exception")
    return f"result from thread {thread_id}"


def run_without_asking() -> int:
    """Run all threads, drop their futures; return how many exceptions were seen."""
    exceptions = 0
    try:
        with ThreadPoolExecutor(max_workers=THREADS) as executor:
            for thread_id in range(THREADS):
                executor.submit(foo_with_exception, thread_id)
    except ValueError:
        exceptions += 1
    return exceptions


def run_with_asking() -> int:
    """Run all threads, ask their futures; return how many exceptions were seen."""
    exceptions = 0
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        futures = [executor.submit(foo_with_exception, n) for n in range(THREADS)]
    for thread_id, future in enumerate(futures):
        try:
            future.result()
        except ValueError as error:
            LOGGER.info(f"Thread: {thread_id} raised {error!r}")
            exceptions += 1
    return exceptions


def run_scenario(name: str, run: Callable[[], int]) -> bool:
    """Run all threads; return whether all exceptions were seen."""
    start_scenario(LOGGER, name)
    seen, raised = run(), len(RAISING_THREADS)
    return report(LOGGER, f"Exceptions seen: {seen}", seen == raised, raised)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    lost = run_scenario("lost exceptions", run_without_asking)
    safe = run_scenario("safe", run_with_asking)
    return exit_status(LOGGER, lost, safe)


if __name__ == "__main__":
    raise SystemExit(main())
