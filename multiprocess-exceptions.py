"""Break a pool with an exception, then fix it.

Problem: an exception is pickled and sent to the parent. If it can't be unpickled there,
    it breaks the whole pool, and all unfinished tasks are lost.
Solution: an exception that passes all its arguments on to `Exception`.

Run: python3 multiprocess-exceptions.py
"""

import concurrent.futures
import time
from concurrent.futures.process import BrokenProcessPool

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 4
RAISING_PROCESS = 1
# Process 0 finishes before the exception is raised, and the last two after it.
SECONDS = (0, 0.7, 1.7, 1.7)
LOGGER = get_logger(__name__)


class FragileError(Exception):
    """Takes two arguments, passes on one, so unpickling calls it with only one."""

    def __init__(self, process_id: int, reason: str) -> None:
        """Build a message from both arguments."""
        super().__init__(f"{reason} from process {process_id}")


class SturdyError(Exception):
    """Takes two arguments, passes on both, so unpickling calls it with both."""

    def __init__(self, process_id: int, reason: str) -> None:
        """Pass on both arguments."""
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
    """Run all tasks; return how many results arrived."""
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
    # One task raises an exception, so it can't have a result.
    if results == PROCESSES - 1:
        LOGGER.info(f"Results: {results}, congratulations!")
    else:
        LOGGER.warning(f"Results: {results} but should be {PROCESSES - 1}!")
    return results


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running fragile exception scenario!")
    with_fragile_error = run_scenario(FragileError)
    LOGGER.info("")

    LOGGER.info("Running sturdy exception scenario!")
    with_sturdy_error = run_scenario(SturdyError)

    lost = with_fragile_error < PROCESSES - 1
    return 0 if lost and with_sturdy_error == PROCESSES - 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
