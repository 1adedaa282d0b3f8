"""Time out on a task that won't stop, then stop it.

Problem: a timeout ends the wait for a task, but not the task. `cancel` can't stop a
    running task either, and the `with` block waits for it.
Solution: set an event to ask the task to stop, and have the task check it regularly.

Run: python3 multithreaded-timeouts.py
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable

from common_logging import get_logger

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


def run_scenario(download: Callable[[int], int]) -> int:
    """Give up on a download and ask it to stop; return how many chunks it got."""
    STOP.clear()
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as executor:
        future = executor.submit(download, 0)
        try:
            future.result(timeout=TIMEOUT_SECONDS)
        except TimeoutError:
            LOGGER.info(f"Gave up waiting. Cancelled: {future.cancel()}")
        gave_up_at = time.perf_counter()
        STOP.set()
    seconds = time.perf_counter() - gave_up_at

    ended = f"Ended {seconds:.1f}s after timeout"
    if future.result() < CHUNKS:
        LOGGER.info(f"{ended}, congratulations!")
    else:
        LOGGER.warning(f"{ended} but should be at most {CHUNK_SECONDS}s!")
    return future.result()


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running timeout scenario!")
    without_stop = run_scenario(download_without_stop)
    LOGGER.info("")

    LOGGER.info("Running stop scenario!")
    with_stop = run_scenario(download_with_stop)

    return 0 if without_stop == CHUNKS and with_stop < CHUNKS else 1


if __name__ == "__main__":
    raise SystemExit(main())
