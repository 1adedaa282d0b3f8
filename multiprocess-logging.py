"""Lose log records of several processes, until one queue takes them all to the parent.

Problem: a process that starts afresh lacks the handlers that its parent has set up, so
    its records vanish. And processes that write one file, each through a handler of its
    own, write over each other's lines.
Solution: a QueueHandler in each process, and a QueueListener in the parent, which alone
    writes the file.

Run: python3 multiprocess-logging.py
"""

import concurrent.futures
import functools
import logging
import logging.handlers
import multiprocessing
import re
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Barrier
from pathlib import Path

from common_logging import LOG_FORMAT, get_logger
from common_signals import hold_interrupts

PROCESSES = 3
RECORDS = 1_000
LINE = re.compile(r"\S+ \S+ - tasks - INFO - Record \d+ of process \d+")
LOGGER = get_logger(__name__)
# The tasks log to a file, so that their records can be counted.
TASK_LOGGER = logging.getLogger("tasks")

MakeHandler = Callable[[], logging.Handler]

# Set by `set_up` in each process of a pool.
everybody: Barrier


def set_up(barrier: Barrier, make_handler: MakeHandler | None) -> None:
    """Prepare a process for its task: whom to wait for, and where to log to."""
    global everybody
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    everybody = barrier
    if make_handler:
        set_handler(make_handler())


def set_handler(handler: logging.Handler) -> None:
    """Let this process's tasks log to one handler."""
    TASK_LOGGER.handlers = [handler]
    TASK_LOGGER.propagate = False
    TASK_LOGGER.setLevel(logging.INFO)


def make_file_handler(path: Path) -> logging.Handler:
    """Return a handler that writes a file in the common format."""
    handler = logging.FileHandler(path, mode="w")
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    return handler


def foo(process_id: int) -> None:
    """Log many records, at the same time as the other processes do."""
    LOGGER.info(f"Process: {process_id} started foo")
    everybody.wait()
    for number in range(RECORDS):
        TASK_LOGGER.info(f"Record {number} of process {process_id}")
    LOGGER.info(f"Process: {process_id} finished foo")


def run_pool(
    context: BaseContext,
    make_handler: MakeHandler | None,
    listener: logging.handlers.QueueListener | None = None,
) -> None:
    """Run a task in each process of a pool, with a listener if one is given."""
    with concurrent.futures.ProcessPoolExecutor(
        PROCESSES,
        mp_context=context,
        initializer=set_up,
        initargs=(context.Barrier(PROCESSES, timeout=4), make_handler),
    ) as executor:
        # A Ctrl-C while a pool starts its processes could leave some behind. And they
        # don't end before somebody has emptied the queue.
        with hold_interrupts():
            results = executor.map(foo, range(PROCESSES))
            # Not earlier, since forking with threads is unsafe.
            if listener:
                listener.start()
        list(results)


def log_by_parents_handler(path: Path) -> None:
    """Set a handler up in the parent, and start the processes afresh."""
    handler = make_file_handler(path)
    set_handler(handler)
    run_pool(multiprocessing.get_context("spawn"), make_handler=None)
    handler.close()


def log_by_own_handlers(path: Path) -> None:
    """Set a handler for the same file up in each process."""
    run_pool(multiprocessing.get_context(), functools.partial(make_file_handler, path))


def log_by_queue(path: Path) -> None:
    """Send all records to the parent, which writes them."""
    context = multiprocessing.get_context()
    queue = context.Queue()
    handler = make_file_handler(path)
    listener = logging.handlers.QueueListener(queue, handler)
    make_handler = functools.partial(logging.handlers.QueueHandler, queue)
    run_pool(context, make_handler, listener)
    # The processes have ended, so all their records are in the queue by now.
    listener.stop()
    handler.close()


def run_scenario(log: Callable[[Path], None]) -> bool:
    """Let the processes log to a file; return if all came there, whole and once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tasks.log")
        log(path)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    # Torn lines don't match, and those that came twice count once.
    records = len({line for line in lines if LINE.fullmatch(line)})
    kept = f"Kept {records:,} records in {len(lines):,} lines"
    if len(lines) == records == PROCESSES * RECORDS:
        LOGGER.info(f"{kept}, congratulations!")
        return True
    LOGGER.warning(f"{kept} but should be {PROCESSES * RECORDS:,}!")
    return False


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running vanishing records scenario!")
    vanishing = run_scenario(log_by_parents_handler)
    LOGGER.info("")

    LOGGER.info("Running overwritten records scenario!")
    overwritten = run_scenario(log_by_own_handlers)
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    safe = run_scenario(log_by_queue)

    return 0 if safe and not vanishing and not overwritten else 1


if __name__ == "__main__":
    raise SystemExit(main())
