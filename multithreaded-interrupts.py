"""Press Ctrl-C and wait for tasks, or stop them.

Problem: Ctrl-C interrupts only the main thread, which still waits for all tasks at the
    end of the `with` block, even for those that haven't started.
Solution: after Ctrl-C, ask the running tasks to stop and cancel the queued ones.

Run: python3 multithreaded-interrupts.py
"""

import concurrent.futures
import signal
import threading
import time
from collections.abc import Callable

from common_logging import get_logger

THREADS = 2
TASKS = 4
TASK_SECONDS = 1
STOP = threading.Event()
LOGGER = get_logger(__name__)

Futures = list[concurrent.futures.Future[None]]


def download(task_id: int) -> None:
    """Work for a second, or until asked to stop."""
    LOGGER.info(f"Task: {task_id} started download")
    STOP.wait(TASK_SECONDS)
    LOGGER.info(f"Task: {task_id} finished download")


def press_ctrl_c() -> None:
    """Do what Ctrl-C does, while the first tasks are running."""
    time.sleep(0.2)
    LOGGER.info("Pressing Ctrl-C")
    signal.raise_signal(signal.SIGINT)


def interrupt_without_stop() -> Futures:
    """After Ctrl-C, leave everything to the end of the `with` block."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        futures = [executor.submit(download, task_id) for task_id in range(TASKS)]
        try:
            press_ctrl_c()
        except KeyboardInterrupt:
            LOGGER.info("Interrupted")
    return futures


def interrupt_with_stop() -> Futures:
    """After Ctrl-C, ask the running tasks to stop and cancel the queued ones."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        futures = [executor.submit(download, task_id) for task_id in range(TASKS)]
        try:
            press_ctrl_c()
        except KeyboardInterrupt:
            LOGGER.info("Interrupted")
            STOP.set()
            executor.shutdown(cancel_futures=True)
    return futures


def run_scenario(interrupt: Callable[[], Futures]) -> int:
    """Run tasks and interrupt them; return how many were cancelled."""
    started = time.perf_counter()
    cancelled = sum(future.cancelled() for future in interrupt())
    seconds = time.perf_counter() - started

    ended = f"Ended after {seconds:.1f}s. Cancelled tasks: {cancelled}"
    if cancelled:
        LOGGER.info(f"{ended}, congratulations!")
    else:
        LOGGER.warning(f"{ended} but should be {TASKS - THREADS}!")
    return cancelled


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    # A shell makes background programs ignore Ctrl-C, but this script needs it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    LOGGER.info("Running Ctrl-C scenario!")
    without_stop = run_scenario(interrupt_without_stop)
    LOGGER.info("")

    LOGGER.info("Running stop scenario!")
    with_stop = run_scenario(interrupt_with_stop)

    return 0 if without_stop == 0 and with_stop > 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
