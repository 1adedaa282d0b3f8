"""Lose an update to shared memory, then lock it.

Problem: two processes read one shared count, and both store it, so an update is lost.
Solution: hold the lock that comes with the shared memory from the read to the store.

Run: python3 multiprocess-locks.py
"""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

STEPS = (1, -1)
PROCESSES = len(STEPS)
LOGGER = get_logger(__name__)

# Shared by the processes: `share` sets these in each process.
start: Barrier
count: "Synchronized[int]"


def share(shared_start: Barrier, shared_count: "Synchronized[int]") -> None:
    """Store the shared objects where this process's tasks can find them."""
    global start, count
    start = shared_start
    count = shared_count


def change_count(process_id: int) -> None:
    """Read, update and store the count, with a sleep in between."""
    value = count.value
    LOGGER.info(f"Process: {process_id} got the count: {value}")
    # Stands in for slow work. Without a lock, both processes read 0 before it ends.
    time.sleep(0.5)
    count.value = value + STEPS[process_id]


def foo_without_locks(process_id: int) -> None:
    """Change the count while the other process changes it too."""
    LOGGER.info(f"Process: {process_id} started foo_without_locks")
    start.wait()
    change_count(process_id)
    LOGGER.info(f"Process: {process_id} finished foo_without_locks")


def foo_with_locks(process_id: int) -> None:
    """Do the same, but hold the lock from the read to the store."""
    LOGGER.info(f"Process: {process_id} started foo_with_locks")
    start.wait()
    LOGGER.info(f"Process: {process_id} waits for the count")
    with count.get_lock():
        change_count(process_id)
    LOGGER.info(f"Process: {process_id} finished foo_with_locks")


def run_scenario(name: str, foo: Callable[[int], None]) -> bool:
    """Have both processes change the count, starting at 0; return if it ends at 0."""
    start_scenario(LOGGER, name)
    shared = multiprocessing.Barrier(PROCESSES, timeout=10), multiprocessing.Value("i")
    with ProcessPoolExecutor(PROCESSES, initializer=share, initargs=shared) as executor:
        with ignore_interrupts():
            results = executor.map(foo, range(PROCESSES))
        list(results)
    end = shared[1].value
    return report(LOGGER, f"Count is: {end}", end == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    race = run_scenario("race condition", foo_without_locks)
    safe = run_scenario("safe", foo_with_locks)
    return exit_status(LOGGER, race, safe)


if __name__ == "__main__":
    raise SystemExit(main())
