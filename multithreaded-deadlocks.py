"""Let threads wait for each other for ever, say who waits for what, and prevent it.

Problem: two threads each hold a lock and wait for the one that the other holds. And
    tasks that wait for tasks of their own pool leave no thread free to run those.
Solution: every thread takes the locks in the same order. A second pool runs the tasks
    that others wait for; or the caller, and no task, waits for them.

Run: python3 multithreaded-deadlocks.py
"""

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import NamedTuple

from common_logging import get_logger

THREADS = 2
# How much each thread moves, from which account, to which.
MOVES = ((10, "A", "B"), (20, "B", "A"))
# Thread 0 gives up first, and thread 1 then gets what it waits for.
PATIENCE_SECONDS = (1.0, 4.0)
POOL = "pool"
LOCKS = {"A": threading.Lock(), "B": threading.Lock()}
LOGGER = get_logger(__name__)

balances = {"A": 100, "B": 100}
everybody = threading.Barrier(THREADS)
# What each thread holds and waits for, to be told if it gets stuck.
states = ["", ""]

Pool = concurrent.futures.ThreadPoolExecutor


class Outcome(NamedTuple):
    """The moves made, the money in both accounts, and the pools' threads left."""

    moves: int
    money: int
    threads: int


ALL_WELL = Outcome(moves=2, money=200, threads=0)
ONE_GAVE_UP = Outcome(moves=1, money=200, threads=0)


def move_money(thread_id: int) -> None:
    """Move a thread's money from one account to the other."""
    amount, source, target = MOVES[thread_id]
    balances[source] -= amount
    balances[target] += amount


def move_under_locks(thread_id: int, first: str, second: str) -> bool:
    """Move money under two locks; return False if the second doesn't come in time."""
    if not LOCKS[first].acquire(blocking=False):
        # Both have the same first lock: then the other need not wait for this thread.
        everybody.abort()
        LOCKS[first].acquire()
    try:
        states[thread_id] = f"thread {thread_id} holds {first}, waits for {second}"
        with contextlib.suppress(threading.BrokenBarrierError):
            everybody.wait(timeout=4)
        if not LOCKS[second].acquire(timeout=PATIENCE_SECONDS[thread_id]):
            knot = "; ".join(states)
            LOGGER.warning(f"Thread: {thread_id} should have got {second}, but {knot}!")
            return False
        try:
            move_money(thread_id)
        finally:
            LOCKS[second].release()
        return True
    finally:
        LOCKS[first].release()


def foo_in_any_order(thread_id: int) -> bool:
    """Lock the account that the money comes from, then the other."""
    LOGGER.info(f"Thread: {thread_id} started foo_in_any_order")
    _, source, target = MOVES[thread_id]
    moved = move_under_locks(thread_id, source, target)
    LOGGER.info(f"Thread: {thread_id} finished foo_in_any_order")
    return moved


def foo_in_one_order(thread_id: int) -> bool:
    """Lock A, then B, wherever the money comes from."""
    LOGGER.info(f"Thread: {thread_id} started foo_in_one_order")
    _, source, target = MOVES[thread_id]
    moved = move_under_locks(thread_id, *sorted((source, target)))
    LOGGER.info(f"Thread: {thread_id} finished foo_in_one_order")
    return moved


def check(thread_id: int) -> bool:
    """Return whether there is enough money; this is a task with a number of its own."""
    LOGGER.info(f"Thread: {thread_id} started check")
    amount, source, _ = MOVES[thread_id - THREADS]
    enough = balances[source] >= amount
    LOGGER.info(f"Thread: {thread_id} finished check")
    return enough


def foo_with_check(thread_id: int, pool: Pool) -> bool:
    """Move money after a check that runs in some pool; return False if none comes."""
    LOGGER.info(f"Thread: {thread_id} started foo_with_check")
    everybody.wait(timeout=4)
    enough = False
    checked = pool.submit(check, thread_id + THREADS)
    try:
        enough = checked.result(timeout=PATIENCE_SECONDS[thread_id])
    except TimeoutError:
        state = "has not even started" if checked.cancel() else "has started"
        LOGGER.warning(f"Thread: {thread_id} should have got its check, which {state}!")
    if enough:
        with LOCKS["A"], LOCKS["B"]:
            move_money(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished foo_with_check")
    return enough


def foo_after_check(thread_id: int, enough: bool) -> bool:
    """Move money after a check that is done by now."""
    LOGGER.info(f"Thread: {thread_id} started foo_after_check")
    if enough:
        with LOCKS["A"], LOCKS["B"]:
            move_money(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished foo_after_check")
    return enough


def check_in_same_pool(pool: Pool) -> list[bool]:
    """Let tasks that fill a pool wait for tasks of this pool."""
    return list(pool.map(foo_with_check, range(THREADS), [pool] * THREADS))


def check_in_second_pool(pool: Pool) -> list[bool]:
    """Let tasks that fill a pool wait for tasks of another one."""
    with Pool(THREADS, thread_name_prefix=POOL) as second:
        return list(pool.map(foo_with_check, range(THREADS), [second] * THREADS))


def check_first(pool: Pool) -> list[bool]:
    """Wait for the checks here, where no thread of the pool is kept waiting."""
    checks = list(pool.map(check, range(THREADS, 2 * THREADS)))
    return list(pool.map(foo_after_check, range(THREADS), checks))


def run_scenario(run: Callable[[Pool], list[bool]]) -> Outcome:
    """Let both threads move money, and say what came of it."""
    balances.update(A=100, B=100)
    everybody.reset()
    with Pool(THREADS, thread_name_prefix=POOL) as pool:
        moves = sum(run(pool))
    threads = sum(thread.name.startswith(POOL) for thread in threading.enumerate())
    outcome = Outcome(moves, sum(balances.values()), threads)
    said = f"Moves: {moves}, money: {outcome.money}, threads left: {threads}"
    if outcome == ALL_WELL:
        LOGGER.info(f"{said}, congratulations!")
    else:
        LOGGER.warning(f"{said} but should be {', '.join(map(str, ALL_WELL))}!")
    return outcome


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running any lock order scenario!")
    any_order = run_scenario(lambda pool: list(pool.map(foo_in_any_order, range(2))))
    LOGGER.info("")

    LOGGER.info("Running one lock order scenario!")
    one_order = run_scenario(lambda pool: list(pool.map(foo_in_one_order, range(2))))
    LOGGER.info("")

    LOGGER.info("Running full pool scenario!")
    same_pool = run_scenario(check_in_same_pool)
    LOGGER.info("")

    LOGGER.info("Running second pool scenario!")
    second_pool = run_scenario(check_in_second_pool)
    LOGGER.info("")

    LOGGER.info("Running check first scenario!")
    checked_first = run_scenario(check_first)

    shown = any_order == same_pool == ONE_GAVE_UP
    return 0 if shown and one_order == second_pool == checked_first == ALL_WELL else 1


if __name__ == "__main__":
    raise SystemExit(main())
