"""Break a pool by an exception, or let it through.

Problem: an exception goes to the parent pickled. If it can't be unpickled there, it
    breaks the whole pool, and all tasks that are not finished are lost with it.
Solution: an exception that hands all its arguments on to `Exception`.

Run: python3 multiprocess-exceptions.py
"""

import concurrent.futures
import time
from concurrent.futures.process import BrokenProcessPool

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 4
RAISING_PROCESS = 1
# Process 0 ends before the exception is raised, and the last two end after it.
SECONDS = (0, 0.7, 1.7, 1.7)
LOGGER = get_logger(__name__)


class FragileError(Exception):
    """Takes two arguments and hands one on: unpickling calls it with that one only."""

    def __init__(self, process_id: int, reason: str) -> None:
        """Make a message of both arguments."""
        super().__init__(f"{reason} from process {process_id}")


class SturdyError(Exception):
    """Takes two arguments and hands both on: unpickling calls it with both."""

    def __init__(self, process_id: int, reason: str) -> None:
        """Keep both arguments."""
        super().__init__(process_id, reason)


Error = type[FragileError] | type[SturdyError]


def foo_with_exception(process_id: int, error: Error) -> str:
    """Return a result, or raise an exception in one of the processes."""
    LOGGER.info(f"Process: {process_id} started foo_with_exception")
    time.sleep(SECONDS[process_id])
    if process_id == RAISING_PROCESS:
        raise error(process_id, "no result")
    LOGGER.info(f"Process: {process_id} finished foo_with_exception")
    return f"result from process {process_id}"


def run_scenario(error: Error) -> int:
    """Run all processes; return how many results came back."""
    results = 0
    with concurrent.futures.ProcessPoolExecutor(max_workers=PROCESSES) as executor:
        with ignore_interrupts():
            futures = [
                executor.submit(foo_with_exception, process_id, error)
                for process_id in range(PROCESSES)
            ]
        for process_id, future in enumerate(futures):
            try:
                future.result()
                results += 1
            except BrokenProcessPool:
                LOGGER.info(f"Process: {process_id} lost with its pool")
            except SturdyError as sturdy_error:
                LOGGER.info(f"Process: {process_id} raised {sturdy_error!r}")
    # One task has no result, whatever it raises.
    if results == PROCESSES - 1:
        LOGGER.info(f"Results: {results}, congratulations!")
    else:
        LOGGER.warning(f"Results: {results} but should be {PROCESSES - 1}!")
    return results


def main() -> int:
    """Run both scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running fragile exception scenario!")
    with_fragile_error = run_scenario(FragileError)
    LOGGER.info("")

    LOGGER.info("Running sturdy exception scenario!")
    with_sturdy_error = run_scenario(SturdyError)

    lost = with_fragile_error < PROCESSES - 1
    return 0 if lost and with_sturdy_error == PROCESSES - 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
