"""Lose updates to a shared count, then add a lock.

Problem: each of two threads overwrites what the other one has stored in a shared count.
Solution: read, update and store under one lock, so that one thread at a time does it.

Run: python3 multithreaded-locks.py
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

OPERATIONS = 200_000
STEPS = (1, -1)
THREADS = len(STEPS)
START = threading.Barrier(THREADS, timeout=10)
LOCK = threading.Lock()
LOGGER = get_logger(__name__)
count = 0


def change_count(thread_id: int, operation: int) -> None:
    """Read, update and store the count, the first time with a sleep in between."""
    global count
    value = count
    if operation == 0:
        LOGGER.info(f"Thread: {thread_id} got the count: {value}")
        # Stands in for slow work. Without a lock, both threads read 0 before it ends.
        time.sleep(0.1)
    value += STEPS[thread_id]
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
    LOGGER.info(f"Thread: {thread_id} waits for the count")
    for operation in range(OPERATIONS):
        with LOCK:
            change_count(thread_id, operation)
    LOGGER.info(f"Thread: {thread_id} finished foo_with_locks")


def run_scenario(name: str, foo: Callable[[int], None]) -> bool:
    """Have both threads change the count, starting from 0; return if it ends at 0."""
    global count
    count = 0
    start_scenario(LOGGER, name)
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        list(executor.map(foo, range(THREADS)))
    return report(LOGGER, f"Count is: {count}", count == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    race = run_scenario("race condition", foo_without_locks)
    safe = run_scenario("safe", foo_with_locks)
    return exit_status(LOGGER, race, safe)


if __name__ == "__main__":
    raise SystemExit(main())
