"""Let two threads wait for each other's lock.

Problem: two threads each hold a lock and wait for the lock that the other one holds.
Solution: all threads take the locks in the same order, so that no circle can close.

Run: python3 multithreaded-deadlocks.py
"""

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable

from common_logging import get_logger

THREADS = 2
# Thread 0 transfers money from account A to account B, and thread 1 from B to A.
TRANSFERS = (("A", "B"), ("B", "A"))
PATIENCE_SECONDS = 2.5
BOTH_HOLD_A_LOCK = threading.Barrier(THREADS)
LOGGER = get_logger(__name__)

balances = {"A": 100, "B": 100}
locks: dict[str, threading.Semaphore] = {}


def meet() -> None:
    """Bring about the unlucky moment: both threads hold a lock, if they can."""
    with contextlib.suppress(threading.BrokenBarrierError):
        BOTH_HOLD_A_LOCK.wait(timeout=1)


def transfer(thread_id: int) -> None:
    """Move a thread's money from one account to the other."""
    source, target = TRANSFERS[thread_id]
    balances[source] -= 10
    balances[target] += 10


def transfer_in_own_order(thread_id: int) -> None:
    """Lock the account that the money comes from, then the other one."""
    LOGGER.info(f"Thread: {thread_id} started transfer_in_own_order")
    first, second = TRANSFERS[thread_id]
    with locks[first]:
        meet()
        LOGGER.info(f"Thread: {thread_id} waits for {second}, holds {first}")
        with locks[second]:
            LOGGER.info(f"Thread: {thread_id} got {second}")
            transfer(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished transfer_in_own_order")


def transfer_in_same_order(thread_id: int) -> None:
    """Lock account A, then account B, wherever the money comes from."""
    LOGGER.info(f"Thread: {thread_id} started transfer_in_same_order")
    first, second = sorted(TRANSFERS[thread_id])
    with locks[first]:
        meet()
        LOGGER.info(f"Thread: {thread_id} waits for {second}, holds {first}")
        with locks[second]:
            LOGGER.info(f"Thread: {thread_id} got {second}")
            transfer(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished transfer_in_same_order")


def run_scenario(transfer_in_some_order: Callable[[int], None]) -> int:
    """Let both threads transfer money; return how many could without help."""
    BOTH_HOLD_A_LOCK.reset()
    # A Semaphore is a lock that any thread may open, as is done below.
    locks.update(A=threading.Semaphore(), B=threading.Semaphore())
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        try:
            futures = [
                executor.submit(transfer_in_some_order, i) for i in range(THREADS)
            ]
            done, _ = concurrent.futures.wait(futures, timeout=PATIENCE_SECONDS)
        finally:
            # End the deadlock: thread 1 gets the lock that thread 0 holds for ever.
            locks["A"].release()
    if len(done) == THREADS:
        LOGGER.info(f"Transfers: {len(done)}, congratulations!")
    else:
        LOGGER.warning(f"Transfers: {len(done)} but should be {THREADS}!")
    return len(done)


def main() -> int:
    """Run both scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running deadlock scenario!")
    in_own_order = run_scenario(transfer_in_own_order)
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    in_same_order = run_scenario(transfer_in_same_order)

    return 0 if in_own_order == 0 and in_same_order == THREADS else 1


if __name__ == "__main__":
    raise SystemExit(main())
