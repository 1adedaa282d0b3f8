"""Send an interpreter a nested function or partial.

Problem: interpreters share no functions. A task is sent by name, as to a process, so a
    nested function that uses variables from its enclosing scope can't be sent.
Solution: send a function at the top level, with `functools.partial` for its arguments.

Run: python3 multiinterpreter-pickling.py
"""

# /// script
# requires-python = ">=3.14"
# ///

import concurrent.futures
import functools
import sys
from collections.abc import Callable

from common_logging import get_logger

if sys.version_info < (3, 14):
    print("multiinterpreter-pickling.py needs Python 3.14 or newer", file=sys.stderr)
    raise SystemExit(2)

from concurrent.interpreters import NotShareableError

INTERPRETERS = 3
FACTOR = 2
LOGGER = get_logger(__name__)

Task = Callable[[int], int]


def multiply(factor: int, task_id: int) -> int:
    """Multiply the number of a task."""
    LOGGER.info(f"Task: {task_id} started multiply")
    product = factor * task_id
    LOGGER.info(f"Task: {task_id} finished multiply")
    return product


def make_nested_function(factor: int) -> Task:
    """Return a function that takes the factor from its enclosing scope."""

    def multiply_by_factor(task_id: int) -> int:
        return multiply(factor, task_id)

    return multiply_by_factor


def make_partial(factor: int) -> Task:
    """Return an equivalent task: a top-level function, together with the factor."""
    return functools.partial(multiply, factor)


def run_scenario(task: Task) -> bool:
    """Send three tasks to interpreters; return whether all results came back."""
    total = 0
    with concurrent.futures.InterpreterPoolExecutor(INTERPRETERS) as executor:
        futures = [executor.submit(task, number) for number in range(INTERPRETERS)]
        for task_id, future in enumerate(futures):
            try:
                total += future.result()
            except NotShareableError as error:
                name = type(error).__name__
                LOGGER.info(f"Task: {task_id} could not be sent: {name}")
    expected = FACTOR * sum(range(INTERPRETERS))
    if total == expected:
        LOGGER.info(f"Sum: {total}, congratulations!")
    else:
        LOGGER.warning(f"Sum: {total} but should be {expected}!")
    return total == expected


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running nested function scenario!")
    with_nested_function = run_scenario(make_nested_function(FACTOR))
    LOGGER.info("")

    LOGGER.info("Running partial scenario!")
    with_partial = run_scenario(make_partial(FACTOR))

    return 0 if with_partial and not with_nested_function else 1


if __name__ == "__main__":
    raise SystemExit(main())
