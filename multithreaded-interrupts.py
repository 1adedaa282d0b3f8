"""Press Ctrl-C and wait for tasks, or stop them.

Problem: Ctrl-C interrupts only the main thread, whose `with` block waits for all tasks.
Solution: after Ctrl-C, ask the running tasks to stop and cancel the queued ones.

Run: python3 multithreaded-interrupts.py
"""

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

THREADS = 2
TASKS = 4
TASK_SECONDS = 1
STOP = threading.Event()
LOGGER = get_logger(__name__)


def download(task_id: int) -> bool:
    """Work for a second, or until asked to stop; return whether that was a second."""
    LOGGER.info(f"Task: {task_id} started download")
    stopped = STOP.wait(TASK_SECONDS)
    LOGGER.info(f"Task: {task_id} finished download{' early' if stopped else ''}")
    return not stopped


def press_ctrl_c() -> None:
    """Do what Ctrl-C does, while the first tasks are running."""
    time.sleep(0.2)
    LOGGER.info("Pressing Ctrl-C")
    signal.raise_signal(signal.SIGINT)


def leave_tasks(_: ThreadPoolExecutor) -> None:
    """Leave all tasks to the end of the `with` block."""


def stop_tasks(executor: ThreadPoolExecutor) -> None:
    """Ask the running tasks to stop and cancel the queued ones."""
    STOP.set()
    executor.shutdown(cancel_futures=True)


def run_scenario(name: str, handle: Callable[[ThreadPoolExecutor], None]) -> bool:
    """Run tasks and interrupt them; return whether no download was completed."""
    start_scenario(LOGGER, name)
    STOP.clear()
    futures: list[Future[bool]] = []
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        try:
            futures += [executor.submit(download, task_id) for task_id in range(TASKS)]
            press_ctrl_c()
        except KeyboardInterrupt:
            LOGGER.info("Interrupted")
            handle(executor)
    seconds = time.perf_counter() - started

    done = sum(not future.cancelled() and future.result() for future in futures)
    cancelled = sum(future.cancelled() for future in futures)
    result = f"Took {seconds:.1f}s. Completed: {done}, cancelled: {cancelled}"
    queued = max(0, TASKS - THREADS)
    solved = done == 0 and cancelled >= queued
    return report(LOGGER, result, solved, should_be=f"0 and {queued}")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    # A shell makes background programs ignore Ctrl-C, but this script needs it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    without_stop = run_scenario("Ctrl-C", leave_tasks)
    with_stop = run_scenario("stop", stop_tasks)
    return exit_status(LOGGER, without_stop, with_stop)


if __name__ == "__main__":
    raise SystemExit(main())
