"""Time out on a task that hangs, then kill it.

Problem: after a timeout, the pool still waits until the task ends, which may be never.
Solution: after the timeout, kill the pool's processes before the block ends.

Run: python3 multiprocess-timeouts.py
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 3
HANGING_PROCESS = PROCESSES - 1
TIMEOUT_SECONDS = 1.0
HANG_SECONDS = 2.5
LOGGER = get_logger(__name__)


def convert(process_id: int) -> None:
    """Convert a file, or hang."""
    LOGGER.info(f"Process: {process_id} started convert")
    # The long sleep stands in for a task that never ends.
    time.sleep(HANG_SECONDS if process_id == HANGING_PROCESS else 0.2)
    LOGGER.info(f"Process: {process_id} finished convert")


def count_results(futures: Sequence[Future[None]]) -> int:
    """Wait for each task, but not forever; return how many have finished."""
    count = 0
    for process_id, future in enumerate(futures):
        try:
            future.result(timeout=TIMEOUT_SECONDS)
            count += 1
        except TimeoutError as error:
            LOGGER.info(f"Gave up waiting for process {process_id}: {error!r}")
    return count


def finish_without_kill(futures: Sequence[Future[None]]) -> None:
    """Get the results, and let a task that hangs run."""
    count = count_results(futures)
    LOGGER.info(f"Results: {count} of {len(futures)}")


def finish_with_kill(futures: Sequence[Future[None]]) -> None:
    """Do the same, but if a task hangs, kill the processes of the pool."""
    count = count_results(futures)
    LOGGER.info(f"Results: {count} of {len(futures)}")
    if count < len(futures):
        kill_processes()


def kill_processes() -> None:
    """Kill all processes that this program has started."""
    for process in multiprocessing.active_children():
        process.kill()


def run_scenario(name: str, finish: Callable[[Sequence[Future[None]]], None]) -> bool:
    """Run all tasks in a pool; return whether it ended before the task that hangs."""
    start_scenario(LOGGER, name)
    try:
        with ProcessPoolExecutor(max_workers=PROCESSES) as executor:
            with ignore_interrupts():
                futures = [executor.submit(convert, i) for i in range(PROCESSES)]
            finish(futures)
            finished_at = time.perf_counter()
    except KeyboardInterrupt:
        # After Ctrl-C in the wait of the pool, Python 3.11 can't exit normally.
        kill_processes()
        os._exit(1)
    seconds = time.perf_counter() - finished_at
    error = futures[HANGING_PROCESS].exception()
    if error:
        LOGGER.info(f"Process: {HANGING_PROCESS} lost in {type(error).__name__}")
    ended = f"Pool ended {seconds:.1f}s after timeout"
    return report(LOGGER, ended, error is not None, "right after it")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_kill = run_scenario("timeout", finish_without_kill)
    with_kill = run_scenario("kill", finish_with_kill)
    return exit_status(LOGGER, without_kill, with_kill)


if __name__ == "__main__":
    raise SystemExit(main())
