"""Lose updates to a shared count, then add a lock.

Problem: two threads change one count. Each reads it, works out the new value and stores
    it, overwriting whatever the other thread has stored in the meantime.
Solution: read, update and store under one lock, so that one thread at a time does it.

Run: python3 multithreaded-locks.py
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable

from common_logging import get_logger

THREADS = 2
OPERATIONS = 200_000
STEPS = (1, -1)
# Thread 1 naps longer, then overwrites what thread 0 stored in the extra time.
NAPS = (0.10, 0.11)
START = threading.Barrier(THREADS, timeout=10)
LOCK = threading.Lock()
LOGGER = get_logger(__name__)

count = 0


def change_count(thread_id: int, operation: int) -> None:
    """Read, update and store the count, the first time with a nap before the store."""
    global count
    value = count
    value += STEPS[thread_id]
    if operation == 0:
        # The store below overwrites whatever the other thread stores during this nap.
        time.sleep(NAPS[thread_id])
    count = value


def foo_without_locks(thread_id: int) -> None:
    """Change the count while the other thread changes it too."""
    LOGGER.info(f"Thread: {thread_id} started foo_without_locks")
    START.wait()
    for operation in range(OPERATIONS):
        change_count(thread_id, operation)
    LOGGER.info(f"Thread: {thread_id} finished foo_without_locks")


def foo_with_locks(thread_id: int) -> None:
    """Do the same, but keep the other thread out from the read to the store."""
    LOGGER.info(f"Thread: {thread_id} started foo_with_locks")
    START.wait()
    for operation in range(OPERATIONS):
        with LOCK:
            change_count(thread_id, operation)
    LOGGER.info(f"Thread: {thread_id} finished foo_with_locks")


def run_scenario(foo: Callable[[int], None]) -> int:
    """Have both threads change the count, starting from 0; return the final count."""
    global count
    count = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        list(executor.map(foo, range(THREADS)))
    if count == 0:
        LOGGER.info("Count is 0, congratulations!")
    else:
        LOGGER.warning(f"Count is: {count} but should be 0!")
    return count


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running race condition scenario!")
    without_locks = run_scenario(foo_without_locks)
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    with_locks = run_scenario(foo_with_locks)

    return 0 if without_locks != 0 and with_locks == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
