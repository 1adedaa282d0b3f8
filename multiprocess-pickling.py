"""Send a process a nested function, or a partial.

Problem: a task is pickled on its way to a process, and a function is pickled as its
    name. A process can't find nested functions or lambdas by name.
Solution: send a top-level function, and add the values it needs with a `partial`.

Run: python3 multiprocess-pickling.py
"""

import concurrent.futures
import functools
from collections.abc import Callable

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 3
FACTOR = 2
LOGGER = get_logger(__name__)

Task = Callable[[int], int]


def multiply(factor: int, task_id: int) -> int:
    """Multiply a task's number by a factor."""
    LOGGER.info(f"Task: {task_id} started multiply")
    product = factor * task_id
    LOGGER.info(f"Task: {task_id} finished multiply")
    return product


def make_nested_function(factor: int) -> Task:
    """Return a nested function that takes the factor from its enclosing scope."""

    def multiply_by_factor(task_id: int) -> int:
        return multiply(factor, task_id)

    return multiply_by_factor


def make_partial(factor: int) -> Task:
    """Return an equivalent task: a top-level function, together with the factor."""
    return functools.partial(multiply, factor)


def run_scenario(task: Task) -> bool:
    """Send three tasks to a pool; return whether all their results came back."""
    total = 0
    with (
        ignore_interrupts(),
        concurrent.futures.ProcessPoolExecutor(max_workers=PROCESSES) as executor,
    ):
        futures = [executor.submit(task, number) for number in range(PROCESSES)]
        for task_id, future in enumerate(futures):
            try:
                total += future.result()
            # The exception depends on the version of Python.
            except Exception as error:
                LOGGER.info(
                    f"Task: {task_id} could not be sent: {type(error).__name__}"
                )
    expected = FACTOR * sum(range(PROCESSES))
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
