"""Lose log records from processes, or queue them.

Problem: a program sets up a logger in its main function, which processes don't run.
Solution: each process puts its records into a queue, and the parent handles them.

Run: python3 multiprocess-logging.py
"""

import logging
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 2
TASKS = 3
# The default on macOS and Windows. With fork, processes would have a copy of the setup.
SPAWN = multiprocessing.get_context("spawn")
LOGGER = get_logger(__name__)
AUDIT_LOGGER = logging.getLogger("audit")
AUDIT_LOGGER.propagate = False


def set_up(handler: logging.Handler) -> None:
    """Have this process pass audit records of level INFO to a handler."""
    AUDIT_LOGGER.setLevel(logging.INFO)
    AUDIT_LOGGER.addHandler(handler)


def audit(task_id: int) -> None:
    """Log a record."""
    LOGGER.info(f"Task: {task_id} started audit")
    AUDIT_LOGGER.info(f"Record of task {task_id}")
    LOGGER.info(f"Task: {task_id} finished audit")


def log_without_queue() -> None:
    """Run tasks in processes that have no handler."""
    with ProcessPoolExecutor(PROCESSES, mp_context=SPAWN) as executor:
        with ignore_interrupts():
            results = executor.map(audit, range(TASKS))
        list(results)


def set_up_queue(queue: "multiprocessing.Queue[logging.LogRecord]") -> None:
    """Have this process put its audit records into a queue."""
    set_up(QueueHandler(queue))


def log_to_queue() -> None:
    """Do the same, but have processes put records into a queue, which is read here."""
    queue = SPAWN.Queue()
    listener = QueueListener(queue, *AUDIT_LOGGER.handlers)
    with ProcessPoolExecutor(
        PROCESSES, mp_context=SPAWN, initializer=set_up_queue, initargs=(queue,)
    ) as executor:
        with ignore_interrupts():
            results = executor.map(audit, range(TASKS))
        listener.start()
        list(results)
    listener.stop()


def run_scenario(name: str, log: Callable[[], None]) -> bool:
    """Have all tasks log; return whether all their records are in the log file."""
    start_scenario(LOGGER, name)
    with tempfile.TemporaryDirectory() as folder:
        file = logging.FileHandler(Path(folder, "audit.log"))
        set_up(file)
        log()
        AUDIT_LOGGER.removeHandler(file)
        file.close()
        records = Path(file.baseFilename).read_text().count("Record of task")
    return report(LOGGER, f"Records: {records}", records == TASKS, TASKS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_queue = run_scenario("no queue", log_without_queue)
    with_queue = run_scenario("queue", log_to_queue)
    return exit_status(LOGGER, without_queue, with_queue)


if __name__ == "__main__":
    raise SystemExit(main())
