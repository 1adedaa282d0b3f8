"""Time out on a task that won't stop, then stop it.

Problem: a timeout ends the wait for a task, but neither it nor `cancel` ends the task.
Solution: set an event to ask the task to stop, and have the task check it regularly.

Run: python3 multithreaded-timeouts.py
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

CHUNKS = 20
CHUNK_SECONDS = 0.1
TIMEOUT_SECONDS = 0.55
STOP = threading.Event()
LOGGER = get_logger(__name__)


def download_without_stop(thread_id: int) -> int:
    """Download all chunks; return how many there were."""
    LOGGER.info(f"Thread: {thread_id} started download_without_stop")
    chunks = 0
    while chunks < CHUNKS:
        time.sleep(CHUNK_SECONDS)
        chunks += 1
    LOGGER.info(f"Thread: {thread_id} finished download_without_stop. Chunks: {chunks}")
    return chunks


def download_with_stop(thread_id: int) -> int:
    """Do the same, but before each chunk, check whether to stop."""
    LOGGER.info(f"Thread: {thread_id} started download_with_stop")
    chunks = 0
    while chunks < CHUNKS and not STOP.is_set():
        time.sleep(CHUNK_SECONDS)
        chunks += 1
    LOGGER.info(f"Thread: {thread_id} finished download_with_stop. Chunks: {chunks}")
    return chunks


def run_scenario(name: str, download: Callable[[int], int]) -> bool:
    """Give up on a download and ask it to stop; return whether it stopped early."""
    start_scenario(LOGGER, name)
    STOP.clear()
    with ThreadPoolExecutor(max_workers=1) as executor:
        future = executor.submit(download, 0)
        try:
            future.result(timeout=TIMEOUT_SECONDS)
            LOGGER.info("The download was faster than the timeout")
        except TimeoutError:
            LOGGER.info(f"Gave up waiting. Cancelled: {future.cancel()}")
        gave_up_at = time.perf_counter()
        STOP.set()
    ended = f"Ended {time.perf_counter() - gave_up_at:.1f}s after timeout"
    stopped = future.result() < CHUNKS
    return report(LOGGER, ended, stopped, f"at most {CHUNK_SECONDS}s")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_stop = run_scenario("timeout", download_without_stop)
    with_stop = run_scenario("stop", download_with_stop)
    return exit_status(LOGGER, without_stop, with_stop)


if __name__ == "__main__":
    raise SystemExit(main())
