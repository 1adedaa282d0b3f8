"""Lose updates to shared memory, then lock it.

Problem: two processes change the same count in shared memory. Each reads it, works out
    the new value and stores that, even if the other one has changed the count since.
Solution: hold the lock that comes with the shared memory from the read to the store.

Run: python3 multiprocess-locks.py
"""

import concurrent.futures
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 2
OPERATIONS = 20_000
STEPS = (1, -1)
# Process 1 naps longer, then overwrites what process 0 stored in the extra time.
NAPS = (0.05, 0.30)
LOGGER = get_logger(__name__)

# Shared by the processes: `share` sets these in each process.
start: Barrier
count: "Synchronized[int]"


def share(shared_start: Barrier, shared_count: "Synchronized[int]") -> None:
    """Store the shared objects where this process's tasks can find them."""
    global start, count
    start = shared_start
    count = shared_count


def change_count(process_id: int, operation: int) -> None:
    """Read, update and store the count; the first time, nap before the store."""
    value = count.value
    value += STEPS[process_id]
    if operation == 0:
        # The store below overwrites what the other process stores during this nap.
        time.sleep(NAPS[process_id])
    count.value = value


def foo_without_locks(process_id: int) -> None:
    """Change the count while the other process changes it too."""
    LOGGER.info(f"Process: {process_id} started foo_without_locks")
    start.wait()
    for operation in range(OPERATIONS):
        change_count(process_id, operation)
    LOGGER.info(f"Process: {process_id} finished foo_without_locks")


def foo_with_locks(process_id: int) -> None:
    """Do the same, but hold the lock from each read to the store."""
    LOGGER.info(f"Process: {process_id} started foo_with_locks")
    start.wait()
    for operation in range(OPERATIONS):
        with count.get_lock():
            change_count(process_id, operation)
    LOGGER.info(f"Process: {process_id} finished foo_with_locks")


def run_scenario(foo: Callable[[int], None]) -> int:
    """Have both processes change the count, starting at 0; return its last value."""
    the_start = multiprocessing.Barrier(PROCESSES, timeout=10)
    the_count = multiprocessing.Value("i", 0)
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=PROCESSES, initializer=share, initargs=(the_start, the_count)
    ) as executor:
        with ignore_interrupts():
            results = executor.map(foo, range(PROCESSES))
        list(results)
    end: int = the_count.value
    if end == 0:
        LOGGER.info("Count is 0, congratulations!")
    else:
        LOGGER.warning(f"Count is: {end} but should be 0!")
    return end


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
