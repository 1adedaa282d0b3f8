"""Break a pool with an exception, then fix it.

Problem: an exception that can't be unpickled in the parent breaks the whole pool.
Solution: an exception that passes all its arguments on to `Exception`.

Run: python3 multiprocess-exceptions.py
"""

import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 4
RAISING_PROCESS = 1
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


def convert(process_id: int, error: type[Exception]) -> str:
    """Return a result, or raise an exception in one of the processes."""
    LOGGER.info(f"Process: {process_id} started convert")
    if process_id == RAISING_PROCESS:
        time.sleep(0.7)
        raise error(process_id, "no result")
    if process_id > RAISING_PROCESS:
        time.sleep(1.7)  # These would finish a second after the exception.
    LOGGER.info(f"Process: {process_id} finished convert")
    return f"result from process {process_id}"


def run_scenario(name: str, error: type[Exception]) -> bool:
    """Run all tasks; return whether all results arrived but that of the raising one."""
    start_scenario(LOGGER, name)
    results = []
    with ProcessPoolExecutor(max_workers=PROCESSES) as executor:
        with ignore_interrupts():
            futures = [executor.submit(convert, n, error) for n in range(PROCESSES)]
        for process_id, future in enumerate(futures):
            try:
                results.append(future.result())
            except BrokenProcessPool:
                LOGGER.info(f"Process: {process_id} lost with its pool")
            except SturdyError as sturdy_error:
                LOGGER.info(f"Process: {process_id} raised {sturdy_error!r}")
    count, most = len(results), PROCESSES - 1
    return report(LOGGER, f"Results: {count}", count == most, most)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    fragile = run_scenario("fragile exception", FragileError)
    sturdy = run_scenario("sturdy exception", SturdyError)
    return exit_status(LOGGER, fragile, sturdy)


if __name__ == "__main__":
    raise SystemExit(main())
