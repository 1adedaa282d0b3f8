"""Share a count between two processes: copies, then lost updates, then a lock.

Problem: each process changes its own copy of a global, and the parent's stays as it is.
    In shared memory the processes meet, and lose updates as threads do.
Solution: read, update and store in shared memory, under the lock that comes with it.

Run: python3 multiprocess-locks.py
"""

import concurrent.futures
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

from common_logging import get_logger
from common_signals import hold_interrupts

PROCESSES = 2
OPERATIONS = 200_000
STEPS = (1, -1)
# Process 1 naps longer: what process 0 does in the difference, it will overwrite.
NAPS = (0.05, 0.30)
LOGGER = get_logger(__name__)

count = 0

# Set by `share` in each process: these are the same for all.
shared_count: "Synchronized[int]"
start: Barrier


def share(the_count: "Synchronized[int]", the_start: Barrier) -> None:
    """Keep what the processes share where their tasks find it."""
    global shared_count, start
    shared_count = the_count
    start = the_start
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def change_shared_count(process_id: int, operation: int) -> None:
    """Read, update and store the count, the first time with a nap before the store."""
    value = shared_count.value
    value += STEPS[process_id]
    if operation == 0:
        # Whatever the other process stores during this nap, the store overwrites.
        time.sleep(NAPS[process_id])
    shared_count.value = value


def foo_with_global(process_id: int) -> int:
    """Change the global count, and return it: each process has its own."""
    global count
    LOGGER.info(f"Process: {process_id} started foo_with_global")
    start.wait()
    for _ in range(OPERATIONS):
        count += STEPS[process_id]
    LOGGER.info(f"Process: {process_id} finished foo_with_global")
    return count


def foo_without_locks(process_id: int) -> None:
    """Change the shared count while the other process changes it too."""
    LOGGER.info(f"Process: {process_id} started foo_without_locks")
    start.wait()
    for operation in range(OPERATIONS):
        change_shared_count(process_id, operation)
    LOGGER.info(f"Process: {process_id} finished foo_without_locks")


def foo_with_locks(process_id: int) -> None:
    """Do the same, with the other process kept out from the read to the store."""
    LOGGER.info(f"Process: {process_id} started foo_with_locks")
    start.wait()
    for operation in range(OPERATIONS):
        with shared_count.get_lock():
            change_shared_count(process_id, operation)
    LOGGER.info(f"Process: {process_id} finished foo_with_locks")


def run_processes(foo: Callable[[int], object]) -> tuple[list[object], int]:
    """Let both processes count; return what they returned, and the shared count."""
    the_count = multiprocessing.Value("i", 0)
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=PROCESSES,
        initializer=share,
        initargs=(the_count, multiprocessing.Barrier(PROCESSES, timeout=4)),
    ) as executor:
        # A Ctrl-C while a pool starts its processes could leave some behind.
        with hold_interrupts():
            results = executor.map(foo, range(PROCESSES))
        returned = list(results)
    return returned, the_count.value


def run_scenario(foo: Callable[[int], None]) -> int:
    """Let both processes change the shared count, from 0; return where it ends."""
    _, shared = run_processes(foo)
    if shared == 0:
        LOGGER.info("Count is 0, congratulations!")
    else:
        LOGGER.warning(f"Count is: {shared} but should be 0!")
    return shared


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running own copies scenario!")
    copies, _ = run_processes(foo_with_global)
    LOGGER.warning(f"Counts are: {copies}, the parent's {count}, but should be one!")
    LOGGER.info("")

    LOGGER.info("Running race condition scenario!")
    without_locks = run_scenario(foo_without_locks)
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    with_locks = run_scenario(foo_with_locks)

    copied = copies == [OPERATIONS, -OPERATIONS] and count == 0
    return 0 if copied and without_locks != 0 and with_locks == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
