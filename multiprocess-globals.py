"""Change a global in a process, or return a value.

Problem: each process has its own copy of a global, so no other one sees its changes.
Solution: have each task return its change, and make the change in the parent.

Run: python3 multiprocess-globals.py
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario
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


def run_with_global(executor: ProcessPoolExecutor) -> None:
    """Have the processes change the count."""
    with ignore_interrupts():
        results = executor.map(count_in_global, range(TASKS))
    list(results)


def run_with_results(executor: ProcessPoolExecutor) -> None:
    """Add what the processes return to the count of this process."""
    global count
    with ignore_interrupts():
        changes = executor.map(count_in_result, range(TASKS))
    count += sum(changes)


def run_scenario(name: str, run: Callable[[ProcessPoolExecutor], None]) -> bool:
    """Set the count to 0 and run all tasks; return if this process's count is right."""
    global count
    count = 0
    start_scenario(LOGGER, name)
    with ProcessPoolExecutor(max_workers=PROCESSES) as executor:
        run(executor)
    return report(LOGGER, f"Count is: {count}", count == TASKS, should_be=TASKS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with_global = run_scenario("global", run_with_global)
    with_results = run_scenario("results", run_with_results)
    return exit_status(LOGGER, with_global, with_results)


if __name__ == "__main__":
    raise SystemExit(main())
