"""Lose tasks to one bad exception or one dead process, until none is lost.

Problem: an exception that can't be unpickled, or a process that dies, breaks the whole
    pool. All unfinished tasks are lost with it, and nothing says which of them did it.
Solution: exceptions that survive pickling. And after a crash the lost tasks run again,
    each in a pool of its own: it ends with its result, or it is the one that crashed.

Run: python3 multiprocess-exceptions.py
"""

import concurrent.futures
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Barrier

from common_logging import get_logger
from common_signals import hold_interrupts

PROCESSES = 4
BAD_PROCESS = 1
LOGGER = get_logger(__name__)

Outcomes = dict[int, str | Exception]

if __name__ == "__mp_main__":
    # In a process that was not forked, CPython 3.15 warns of this None, its own doing,
    # whenever it formats a traceback: with warnings as errors, that would be a crash.
    del __spec__

# Set by `meet` in each process of a pool.
everybody: Barrier


class FragileError(Exception):
    """Needs two arguments, and hands one on: unpickling it calls it with that one."""

    def __init__(self, process_id: int, reason: str) -> None:
        """Make a message of both arguments."""
        super().__init__(f"{reason} in process {process_id}")


class SturdyError(Exception):
    """Needs two arguments and hands both on, so that unpickling finds both."""

    def __init__(self, process_id: int, reason: str) -> None:
        """Leave the message to `__str__`."""
        super().__init__(process_id, reason)

    def __str__(self) -> str:
        """Make a message of both arguments."""
        process_id, reason = self.args
        return f"{reason} in process {process_id}"


def meet(barrier: Barrier) -> None:
    """Wait in a process that has just started until all others have started too."""
    global everybody
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    everybody = barrier
    everybody.wait()


def open_pool(processes: int) -> concurrent.futures.ProcessPoolExecutor:
    """Return a pool with all its processes started."""
    barrier = multiprocessing.Barrier(processes, timeout=4)
    pool = concurrent.futures.ProcessPoolExecutor(
        processes, initializer=meet, initargs=(barrier,)
    )
    # A pool starts its processes, and begins to watch them, as tasks come in. A Ctrl-C
    # while it does so could leave some behind.
    with hold_interrupts():
        list(pool.map(abs, range(processes)))
    return pool


def foo(process_id: int, go_wrong: Callable[[int], None]) -> str:
    """Return a result after a while, or go wrong at once in one of the processes."""
    LOGGER.info(f"Process: {process_id} started foo")
    everybody.wait()
    if process_id == BAD_PROCESS:
        go_wrong(process_id)
    time.sleep(0.5)
    LOGGER.info(f"Process: {process_id} finished foo")
    return f"result from process {process_id}"


def raise_error(process_id: int) -> None:
    """Raise an exception of the usual kind."""
    raise ValueError(f"no result in process {process_id}")


def raise_fragile_error(process_id: int) -> None:
    """Raise an exception that can be pickled, but not unpickled."""
    raise FragileError(process_id, "no result")


def raise_sturdy_error(process_id: int) -> None:
    """Raise an exception that can be unpickled again."""
    raise SturdyError(process_id, "no result")


def crash(_process_id: int) -> None:
    """End this process on the spot, as a segmentation fault does."""
    os._exit(1)


def run_together(go_wrong: Callable[[int], None]) -> Outcomes:
    """Run all tasks in one pool; return the outcomes that are not lost with it."""
    outcomes: Outcomes = {}
    with open_pool(PROCESSES) as executor:
        process_ids = {
            executor.submit(foo, process_id, go_wrong): process_id
            for process_id in range(PROCESSES)
        }
        for future in concurrent.futures.as_completed(process_ids):
            process_id = process_ids[future]
            try:
                outcomes[process_id] = future.result()
            except BrokenProcessPool:
                LOGGER.info(f"Process: {process_id} lost with its pool")
            except Exception as error:
                LOGGER.info(f"Process: {process_id} raised {error!r}")
                outcomes[process_id] = error
    return outcomes


def run_alone(process_id: int, go_wrong: Callable[[int], None]) -> str | Exception:
    """Run a task in a pool of its own, so that a crash there can only be its doing."""
    with open_pool(1) as executor:
        try:
            return executor.submit(foo, process_id, go_wrong).result()
        except Exception as error:
            LOGGER.info(f"Process: {process_id} raised {error!r}")
            return error


def run_again(go_wrong: Callable[[int], None]) -> Outcomes:
    """Run all tasks in one pool, and those that are lost with it again, each alone."""
    outcomes = run_together(go_wrong)
    for process_id in range(PROCESSES):
        if process_id not in outcomes:
            outcomes[process_id] = run_alone(process_id, go_wrong)
    return outcomes


def report(outcomes: Outcomes) -> bool:
    """Say how many outcomes were kept; return whether all were."""
    exceptions = sum(isinstance(outcome, Exception) for outcome in outcomes.values())
    kept = f"Kept results: {len(outcomes) - exceptions}, exceptions: {exceptions}"
    if len(outcomes) == PROCESSES:
        LOGGER.info(f"{kept}, of {PROCESSES} processes, congratulations!")
    else:
        LOGGER.warning(f"{kept} but should be {PROCESSES} in all!")
    return len(outcomes) == PROCESSES


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running exception scenario!")
    outcomes = run_together(raise_error)
    error = outcomes[BAD_PROCESS]
    assert isinstance(error, Exception)
    LOGGER.info("Its traceback came along, as text:", exc_info=error)
    exception_kept = report(outcomes)
    LOGGER.info("")

    LOGGER.info("Running fragile exception scenario!")
    fragile_kept = report(run_together(raise_fragile_error))
    LOGGER.info("")

    LOGGER.info("Running sturdy exception scenario!")
    sturdy_kept = report(run_together(raise_sturdy_error))
    LOGGER.info("")

    LOGGER.info("Running crash scenario!")
    crash_kept = report(run_together(crash))
    LOGGER.info("")

    LOGGER.info("Running safe scenario!")
    again_kept = report(run_again(crash))

    solved = exception_kept and sturdy_kept and again_kept
    return 0 if solved and not fragile_kept and not crash_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
