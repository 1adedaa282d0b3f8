"""Deadlock two threads, then fix their lock order.

Problem: two threads each hold a lock and wait for the lock that the other one holds.
Solution: all threads take the locks in the same order, so one can always finish.

Run: python3 multithreaded-deadlocks.py
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

# Thread 0 transfers money from account A to B, and thread 1 from B to A.
TRANSFERS = (("A", "B"), ("B", "A"))
THREADS = len(TRANSFERS)
LOCKS = {"A": threading.Lock(), "B": threading.Lock()}
START = threading.Barrier(THREADS, timeout=10)
ALL_GAVE_UP = threading.Barrier(THREADS, timeout=10)
PATIENCE_SECONDS = 2.0
LOGGER = get_logger(__name__)


def transfer_in_own_order(thread_id: int) -> bool:
    """Lock the account that the money comes from, then the other one."""
    first, second = TRANSFERS[thread_id]
    return transfer(thread_id, first, second)


def transfer_in_same_order(thread_id: int) -> bool:
    """Lock account A, then account B, wherever the money comes from."""
    first, second = sorted(TRANSFERS[thread_id])
    return transfer(thread_id, first, second)


def transfer(thread_id: int, first: str, second: str) -> bool:
    """Take both locks and transfer; return False if the thread gave up waiting."""
    LOGGER.info(f"Thread: {thread_id} started transfer")
    START.wait()
    LOGGER.info(f"Thread: {thread_id} waits for {first}")
    with LOCKS[first]:
        LOGGER.info(f"Thread: {thread_id} got {first}")
        # Stands in for slow work. Meanwhile, the other thread takes a lock if it can.
        time.sleep(0.5)
        LOGGER.info(f"Thread: {thread_id} waits for {second}, holds {first}")
        # A plain `with LOCKS[second]` would wait forever.
        made = LOCKS[second].acquire(timeout=PATIENCE_SECONDS)
        if made:
            LOCKS[second].release()
        else:
            # Hold the first lock until all gave up, or another thread would get it.
            ALL_GAVE_UP.wait()
    LOGGER.info(f"Thread: {thread_id} finished transfer: {made}")
    return made


def run_scenario(name: str, transfer_in_some_order: Callable[[int], bool]) -> bool:
    """Have all threads transfer money; return whether all of them did."""
    start_scenario(LOGGER, name)
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        made = sum(executor.map(transfer_in_some_order, range(THREADS)))
    return report(LOGGER, f"Transfers made: {made}", made == THREADS, THREADS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    in_own_order = run_scenario("deadlock", transfer_in_own_order)
    in_same_order = run_scenario("safe", transfer_in_same_order)
    return exit_status(LOGGER, in_own_order, in_same_order)


if __name__ == "__main__":
    raise SystemExit(main())
