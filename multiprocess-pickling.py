"""Send a process a nested function, or a partial.

Problem: a function is sent to a process by name, and a nested function can't be found.
Solution: send a top-level function, and add the values it needs with a `partial`.

Run: python3 multiprocess-pickling.py
"""

import functools
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

TASKS = 2
FACTOR = 2
LOGGER = get_logger(__name__)


def multiply(factor: int, task_id: int) -> int:
    """Multiply a task's number by a factor."""
    LOGGER.info(f"Task: {task_id} started multiply")
    product = factor * task_id
    LOGGER.info(f"Task: {task_id} finished multiply")
    return product


def make_nested(factor: int) -> Callable[[int], int]:
    """Return a nested function that takes the factor from its enclosing scope."""

    def multiply_by_factor(task_id: int) -> int:
        return multiply(factor, task_id)

    return multiply_by_factor


def make_partial(factor: int) -> Callable[[int], int]:
    """Return an equivalent task: a top-level function, together with the factor."""
    return functools.partial(multiply, factor)


def run_scenario(name: str, make: Callable[[int], Callable[[int], int]]) -> bool:
    """Send all tasks to a pool; return whether all their results came back."""
    start_scenario(LOGGER, name)
    products = []
    with ProcessPoolExecutor(max_workers=2) as executor:
        with ignore_interrupts():
            futures = [executor.submit(make(FACTOR), number) for number in range(TASKS)]
        for task_id, future in enumerate(futures):
            try:
                products.append(future.result())
            # The exception's type and text depend on the version of Python.
            except Exception as error:
                raised = f"{type(error).__name__}: {error}"
                LOGGER.info(f"Task: {task_id} raised {raised}")
    expected = [FACTOR * number for number in range(TASKS)]
    return report(LOGGER, f"Products: {products}", products == expected, expected)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with_nested = run_scenario("nested function", make_nested)
    with_partial = run_scenario("partial", make_partial)
    return exit_status(LOGGER, with_nested, with_partial)


if __name__ == "__main__":
    raise SystemExit(main())
