"""Change a global in a process, or return a value.

Problem: each process has its own copy of every global. If it changes one, neither the
    parent nor any other process sees the change.
Solution: have each task return its change, and make the change in the parent.

Run: python3 multiprocess-globals.py
"""

import concurrent.futures
from collections.abc import Callable

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 2
TASKS = 4
LOGGER = get_logger(__name__)

count = 0


def count_in_global(task_id: int) -> None:
    """Add 1 to this process's own copy of the count."""
    global count
    LOGGER.info(f"Task: {task_id} started count_in_global")
    count += 1
    LOGGER.info(f"Task: {task_id} finished count_in_global")


def count_in_result(task_id: int) -> int:
    """Return the amount to add to the count."""
    LOGGER.info(f"Task: {task_id} started count_in_result")
    change = 1
    LOGGER.info(f"Task: {task_id} finished count_in_result")
    return change


def run_with_global() -> None:
    """Have the processes change the count."""
    with (
        ignore_interrupts(),
        concurrent.futures.ProcessPoolExecutor(max_workers=PROCESSES) as executor,
    ):
        list(executor.map(count_in_global, range(TASKS)))


def run_with_results() -> None:
    """Add what the processes return to the count of this process."""
    global count
    with (
        ignore_interrupts(),
        concurrent.futures.ProcessPoolExecutor(max_workers=PROCESSES) as executor,
    ):
        count += sum(executor.map(count_in_result, range(TASKS)))


def run_scenario(run: Callable[[], None]) -> int:
    """Set the count to 0 and run all tasks; return this process's count."""
    global count
    count = 0
    run()
    if count == TASKS:
        LOGGER.info(f"Count is {count}, congratulations!")
    else:
        LOGGER.warning(f"Count is: {count} but should be {TASKS}!")
    return count


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running global scenario!")
    with_global = run_scenario(run_with_global)
    LOGGER.info("")

    LOGGER.info("Running results scenario!")
    with_results = run_scenario(run_with_results)

    return 0 if with_global == 0 and with_results == TASKS else 1


if __name__ == "__main__":
    raise SystemExit(main())
