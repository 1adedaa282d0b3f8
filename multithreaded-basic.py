"""Sleep in five threads, as long as the longest.

Problem: five tasks that only wait, run one after another, take the sum of their waits.
Solution: run each in a thread of its own, so that they all wait at the same time.

Run: python3 multithreaded-basic.py
"""

import concurrent.futures
import random
import time

from common_logging import get_logger

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
    """Run all threads asynchronously; return 0 if they took as long as the longest."""
    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        # Taking the results out of map is what lets an exception of foo surface here.
        sleeps = list(executor.map(foo, range(THREADS)))
    took = time.perf_counter() - started

    slept = f"Slept {sum(sleeps)}s in {took:.1f}s"
    # Starting up takes far less than the second that is allowed for it here.
    if took > max(sleeps) + 1:
        LOGGER.warning(f"{slept} but should be {max(sleeps)}s!")
        return 1
    LOGGER.info(f"{slept}, congratulations!")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
