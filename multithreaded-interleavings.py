"""Run two threads' lines in every possible order.

Problem: two threads add to one count, and most orders of their lines lose an update.
Solution: a lock, which leaves only the orders that lose no update.

Run: python3 multithreaded-interleavings.py
"""

import threading

from common_logging import exit_status, get_logger, report, start_scenario
from common_orders import Program
from orders import run_every_order, run_order

LOCK = threading.Lock()
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
    global count
    with LOCK:
        value = count
        value += 1
        count = value


def run_scenario(name: str, call: str) -> bool:
    """Run two such calls in every order; return whether no order is wrong."""
    start_scenario(LOGGER, name)
    program = Program(__file__, [call, call], show="count", check="count == 2")
    outcomes = run_every_order(program).values()
    shown = max(outcomes, key=lambda ways: ways.is_wrong)
    for line in run_order(program, shown.example)[0]:
        LOGGER.info(line)
    wrong = sum(ways.number for ways in outcomes if ways.is_wrong)
    total = sum(ways.number for ways in outcomes)
    return report(LOGGER, f"Wrong orders: {wrong} of {total}", wrong == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_lock = run_scenario("add_without_lock", "add_without_lock()")
    with_lock = run_scenario("add_with_lock", "add_with_lock()")
    return exit_status(LOGGER, without_lock, with_lock)


if __name__ == "__main__":
    raise SystemExit(main())
