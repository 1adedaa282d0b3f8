"""Lose log records from processes, or queue them.

Problem: processes that each open the same log file, here with mode "w", overwrite each
    other's lines.
Solution: each process puts its records into a queue, and only the parent writes them.

Run: python3 multiprocess-logging.py
"""

import concurrent.futures
import logging
import logging.handlers
import multiprocessing
import re
import tempfile
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 3
RECORDS = 1_000
RECORD = re.compile(r"(?m)^Record \d{1,3} of process \d$")
LOGGER = get_logger(__name__)
AUDIT_LOGGER = logging.getLogger("audit")
AUDIT_LOGGER.setLevel(logging.INFO)
AUDIT_LOGGER.propagate = False

Pool = concurrent.futures.ProcessPoolExecutor


def use_file(path: Path) -> None:
    """Have this process open the file and write its records to it."""
    AUDIT_LOGGER.addHandler(logging.FileHandler(path, mode="w"))  # "w" empties it.


def use_queue(queue: "Queue[logging.LogRecord]") -> None:
    """Have this process put its records into a queue."""
    AUDIT_LOGGER.addHandler(logging.handlers.QueueHandler(queue))


def audit(process_id: int) -> None:
    """Log many records."""
    LOGGER.info(f"Process: {process_id} started audit")
    for number in range(RECORDS):
        AUDIT_LOGGER.info(f"Record {number} of process {process_id}")
    LOGGER.info(f"Process: {process_id} finished audit")


def log_to_file(path: Path) -> None:
    """Have each process write to the file."""
    with Pool(PROCESSES, initializer=use_file, initargs=(path,)) as executor:
        with ignore_interrupts():
            results = executor.map(audit, range(PROCESSES))
        list(results)


def log_to_queue(path: Path) -> None:
    """Have each process log to a queue, and have the parent write the file."""
    queue: Queue[logging.LogRecord] = multiprocessing.Queue()
    handler = logging.FileHandler(path, mode="w")
    listener = logging.handlers.QueueListener(queue, handler)
    with Pool(PROCESSES, initializer=use_queue, initargs=(queue,)) as executor:
        with ignore_interrupts():
            results = executor.map(audit, range(PROCESSES))
            listener.start()
        list(results)
    listener.stop()
    handler.close()


def run_scenario(log: Callable[[Path], None]) -> int:
    """Have all processes log; return how many intact records are in the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "audit.log")
        log(path)
        records = len(set(RECORD.findall(path.read_text(errors="replace"))))
    if records == PROCESSES * RECORDS:
        LOGGER.info(f"Records: {records:,}, congratulations!")
    else:
        LOGGER.warning(f"Records: {records:,} but should be {PROCESSES * RECORDS:,}!")
    return records


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running one file scenario!")
    in_file = run_scenario(log_to_file)
    LOGGER.info("")

    LOGGER.info("Running queue scenario!")
    in_queue = run_scenario(log_to_queue)

    return 0 if in_file < PROCESSES * RECORDS == in_queue else 1


if __name__ == "__main__":
    raise SystemExit(main())
