"""Deadlock two threads, then fix their lock order.

Problem: two threads each hold a lock and wait for the lock that the other one holds.
Solution: all threads take the locks in the same order, so one can always finish.

Run: python3 multithreaded-deadlocks.py
"""

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable

from common_logging import get_logger

THREADS = 2
# Thread 0 transfers money from account A to B, and thread 1 from B to A.
TRANSFERS = (("A", "B"), ("B", "A"))
PATIENCE_SECONDS = 2.5
EACH_HOLDS_ONE = threading.Barrier(THREADS)
LOGGER = get_logger(__name__)

locks: dict[str, threading.Semaphore] = {}
transfers: list[int] = []


def meet() -> None:
    """Force the deadlock: wait until each thread holds one lock, if possible."""
    # Once a thread times out here, the barrier is broken and no longer blocks.
    with contextlib.suppress(threading.BrokenBarrierError):
        EACH_HOLDS_ONE.wait(timeout=1)


def transfer_in_own_order(thread_id: int) -> None:
    """Lock the account that the money comes from, then the other one."""
    LOGGER.info(f"Thread: {thread_id} started transfer_in_own_order")
    first, second = TRANSFERS[thread_id]
    LOGGER.info(f"Thread: {thread_id} waits for {first}")
    with locks[first]:
        LOGGER.info(f"Thread: {thread_id} got {first}")
        meet()
        LOGGER.info(f"Thread: {thread_id} waits for {second}, holds {first}")
        with locks[second]:
            transfers.append(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished transfer_in_own_order")


def transfer_in_same_order(thread_id: int) -> None:
    """Lock account A, then account B, wherever the money comes from."""
    LOGGER.info(f"Thread: {thread_id} started transfer_in_same_order")
    first, second = sorted(TRANSFERS[thread_id])
    LOGGER.info(f"Thread: {thread_id} waits for {first}")
    with locks[first]:
        LOGGER.info(f"Thread: {thread_id} got {first}")
        meet()
        LOGGER.info(f"Thread: {thread_id} waits for {second}, holds {first}")
        with locks[second]:
            transfers.append(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished transfer_in_same_order")


def run_scenario(transfer_in_some_order: Callable[[int], None]) -> int:
    """Have both threads transfer money; return how many succeeded without help."""
    EACH_HOLDS_ONE.reset()
    transfers.clear()
    # Used as locks. Unlike a Lock, a Semaphore allows an extra release.
    locks.update(A=threading.Semaphore(), B=threading.Semaphore())
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        try:
            futures = [
                executor.submit(transfer_in_some_order, thread_id)
                for thread_id in range(THREADS)
            ]
            concurrent.futures.wait(futures, timeout=PATIENCE_SECONDS)
            made = len(transfers)
            if not made:
                LOGGER.info(f"No transfer after {PATIENCE_SECONDS}s: releasing A")
        finally:
            locks["A"].release()
    if made == THREADS:
        LOGGER.info(f"Transfers made without help: {made}, congratulations!")
    else:
        LOGGER.warning(f"Transfers made without help: {made} but should be {THREADS}!")
    return made


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running deadlock scenario!")
    in_own_order = run_scenario(transfer_in_own_order)
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    in_same_order = run_scenario(transfer_in_same_order)

    return 0 if in_own_order == 0 and in_same_order == THREADS else 1


if __name__ == "__main__":
    raise SystemExit(main())
