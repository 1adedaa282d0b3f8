"""Run five tasks that sleep at the same time.

Problem: five tasks that only wait take the sum of their waits, one after another.
Solution: run them in a pool of five threads, so that they all wait at the same time.

Run: python3 multithreaded-basic.py
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor

from common_logging import get_logger, report

THREADS = 5
LOGGER = get_logger(__name__)


def foo(thread_id: int) -> int:
    """Sleep for a random whole number of seconds, 0 to 4, and return it."""
    seconds = random.randint(0, 4)
    LOGGER.info(f"Thread: {thread_id} started foo. Will sleep for: {seconds}s")
    time.sleep(seconds)
    LOGGER.info(f"Thread: {thread_id} finished foo")
    return seconds


def main() -> int:
    """Run all tasks; return 0 if they took only as long as the longest sleep."""
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        # Collecting the results also raises an exception from foo here.
        sleeps = list(executor.map(foo, range(THREADS)))
    took = time.perf_counter() - started

    # Allow one second for starting up, which takes far less.
    in_time = took < max(sleeps) + 1
    slept = f"Slept {sum(sleeps)}s in {took:.1f}s"
    return 0 if report(LOGGER, slept, in_time, f"{max(sleeps)}s") else 1


if __name__ == "__main__":
    raise SystemExit(main())
