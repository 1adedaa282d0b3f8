"""Run two threads' lines in every possible order.

Problem: two threads add to one count, and most orders of their lines lose an update.
Solution: a lock, which leaves only the orders that lose no update.

Run: python3 multithreaded-interleavings.py
"""

import itertools
import linecache
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common_logging import exit_status, get_logger, report, start_scenario

LINES = ("value = count", "value += 1", "count = value")
LOCK = threading.Lock()
GO = (threading.Semaphore(0), threading.Semaphore(0))
DONE = threading.Semaphore(0)
LOGGER = get_logger(__name__)
count = 0


def add_without_lock() -> None:
    """Add 1 to the count."""
    global count
    value = count
    value += 1
    count = value


def add_with_lock() -> None:
    """Do the same, but keep the other thread out."""
    with LOCK:
        add_without_lock()


def run_line_by_line(thread_id: int, add: Callable[[], None]) -> None:
    """Add to the count, but wait before each line for this thread's turn."""

    def trace(frame: Any, event: str, _: Any) -> Any:
        line = linecache.getline(__file__, frame.f_lineno).strip()
        if event == "line" and line in LINES:
            if line != LINES[0]:
                DONE.release()
            if not GO[thread_id].acquire(timeout=5):
                raise TimeoutError("the main thread gave no further turn")
        return trace

    sys.settrace(trace)
    add()
    sys.settrace(None)
    DONE.release()


def run_in_order(add: Callable[[], None], order: tuple[str, ...]) -> tuple[str, ...]:
    """Run the threads' lines in this order; return the lines, each with the count."""
    global count
    count, left, ran = 0, (list(LINES), list(LINES)), []
    with ThreadPoolExecutor(max_workers=2) as executor:
        for turn in map(int, order):
            # A thread that is done, or locked out, leaves its turn to the other one.
            can_go = left[turn] if len(left[turn]) < len(LINES) else not LOCK.locked()
            thread_id = turn if can_go else 1 - turn
            if len(left[thread_id]) == len(LINES):
                executor.submit(run_line_by_line, thread_id, add)
            GO[thread_id].release()
            if not DONE.acquire(timeout=5):
                raise TimeoutError(f"thread {thread_id} did not run the lines {LINES}")
            ran.append(f"{' ' * 20 * thread_id + left[thread_id].pop(0):40}{count}")
    return tuple(ran)


def run_scenario(name: str, add: Callable[[], None]) -> bool:
    """Run every order, show one; return whether no order is wrong."""
    start_scenario(LOGGER, name)
    runs = {run_in_order(add, order) for order in set(itertools.permutations("000111"))}
    wrong = [lines for lines in runs if not lines[-1].endswith("2")]
    for line in (f"{'thread 0':20}{'thread 1':20}count", *max(wrong or runs)):
        LOGGER.info(line)
    return report(LOGGER, f"Wrong orders: {len(wrong)} of {len(runs)}", not wrong, 0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_lock = run_scenario("add_without_lock", add_without_lock)
    with_lock = run_scenario("add_with_lock", add_with_lock)
    return exit_status(LOGGER, without_lock, with_lock)


if __name__ == "__main__":
    raise SystemExit(main())
