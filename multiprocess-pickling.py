"""Send a process what can't be pickled, or forget the main guard, and do it right.

Problem: tasks are pickled on their way to a process. A lambda, a nested function or an
    object that holds a lock can't be. And a program that starts processes while it is
    imported can't be imported by them.
Solution: functions at the top level, `functools.partial`, an initializer that makes in
    each process what can't be sent to it; and `if __name__ == "__main__":`.

Run: python3 multiprocess-pickling.py
"""

import concurrent.futures
import functools
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from common_logging import get_logger
from common_signals import hold_interrupts

FACTOR = 3
LOGGER = get_logger(__name__)

Task = Callable[[int], int]

# Made by `make_multiplier` in each process.
multiplier: "Multiplier"

PROGRAM = """
import concurrent.futures
import multiprocessing

{guard}
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as executor:
        print(executor.submit(abs, -42).result())
"""


class Multiplier:
    """Multiplies, and counts under a lock how often it has done so."""

    def __init__(self, factor: int) -> None:
        """Remember what to multiply by."""
        self.factor = factor
        self.times = 0
        self.lock = threading.Lock()

    def multiply(self, process_id: int) -> int:
        """Multiply the process's number."""
        with self.lock:
            self.times += 1
        return multiply(self.factor, process_id)


def multiply(factor: int, process_id: int) -> int:
    """Multiply the process's number."""
    LOGGER.info(f"Process: {process_id} started multiply")
    product = factor * process_id
    LOGGER.info(f"Process: {process_id} finished multiply")
    return product


def triple(process_id: int) -> int:
    """Multiply the process's number by 3."""
    return multiply(FACTOR, process_id)


def make_multiplier(factor: int) -> None:
    """Make in a process what can't be sent to it."""
    global multiplier
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    multiplier = Multiplier(factor)


def use_multiplier(process_id: int) -> int:
    """Multiply with what this process has made."""
    return multiplier.multiply(process_id)


def make_tasks_that_stay() -> dict[str, Task]:
    """Return three ways to multiply that can't be pickled."""
    factor = FACTOR

    def nested(process_id: int) -> int:
        return multiply(factor, process_id)

    return {
        "lambda": lambda process_id: multiply(FACTOR, process_id),
        "nested function": nested,
        "object with a lock": Multiplier(factor).multiply,
    }


def make_tasks_that_go() -> dict[str, Task]:
    """Return what to send in the place of each."""
    return {
        "top-level function": triple,
        "partial": functools.partial(multiply, FACTOR),
        "user of the initializer's object": use_multiplier,
    }


def run_tasks(tasks: dict[str, Task]) -> list[int]:
    """Send a task to each process; return the results of those that came there."""
    results = []
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=len(tasks), initializer=make_multiplier, initargs=(FACTOR,)
    ) as executor:
        # A Ctrl-C while a pool starts its processes could leave some behind.
        with hold_interrupts():
            # No `submit` raises: pickling is done later, by a thread of the executor.
            futures = [
                executor.submit(task, process_id)
                for process_id, task in enumerate(tasks.values())
            ]
        for name, future in zip(tasks, futures, strict=True):
            try:
                results.append(future.result())
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
                LOGGER.warning(f"The {name} should have been sent! {problem}")
            else:
                LOGGER.info(f"The {name} was sent, congratulations!")
    return results


def run_program(guard: str) -> bool:
    """Run the program with such a line as its guard; return whether it worked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.py")
        path.write_text(PROGRAM.format(guard=guard), encoding="utf-8")
        program = subprocess.run(
            [sys.executable, path],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    error = re.search(r"(?s)RuntimeError:\s+(.+?)\n\n", program.stderr)
    if program.stdout == "42\n":
        LOGGER.info("The program printed 42, congratulations!")
    else:
        message = " ".join(error[1].split()) if error else program.stderr
        LOGGER.warning(f"The program should have printed 42! {message}")
    return program.stdout == "42\n"


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running pickling error scenario!")
    sent = run_tasks(make_tasks_that_stay())
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    sent_instead = run_tasks(make_tasks_that_go())
    LOGGER.info("")

    LOGGER.info("Running program without guard scenario!")
    worked = run_program("if True:")
    LOGGER.info("")

    LOGGER.info("Running program with guard scenario!")
    worked_with_guard = run_program('if __name__ == "__main__":')

    solved = sent_instead == [0, 3, 6] and worked_with_guard
    return 0 if solved and not sent and not worked else 1


if __name__ == "__main__":
    raise SystemExit(main())
