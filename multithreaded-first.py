"""Wait for all mirrors, or for the fastest one.

Problem: a program that waits for all mirrors waits for the slowest one, too.
Solution: wait only for the first download to finish, then stop or cancel the others.

Run: python3 multithreaded-first.py
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from common_logging import exit_status, get_logger, report, start_scenario

PIECES = 10
# How long each of the mirrors takes to send a piece of the file.
PIECE_SECONDS = (0.1, 0.03, 0.15)
MIRRORS = range(len(PIECE_SECONDS))
STOP = threading.Event()
LOGGER = get_logger(__name__)

complete: list[int] = []


def download(thread_id: int) -> str:
    """Download a file from a mirror, piece by piece, unless asked to stop."""
    LOGGER.info(f"Thread: {thread_id} started download")
    text = ""
    for _ in range(PIECES):
        if STOP.is_set():
            LOGGER.info(f"Thread: {thread_id} finished download early")
            return ""
        # Stands in for reading from a network.
        time.sleep(PIECE_SECONDS[thread_id])
        text += "piece "
    complete.append(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished download of the whole file")
    return text


def get_from_all(executor: ThreadPoolExecutor) -> str:
    """Wait for all mirrors; return the file."""
    futures = [executor.submit(download, thread_id) for thread_id in MIRRORS]
    done, _ = wait(futures, timeout=10)
    LOGGER.info("Got the file")
    return done.pop().result()


def get_from_first(executor: ThreadPoolExecutor) -> str:
    """Wait for the fastest mirror, and stop the others; return the file."""
    futures = [executor.submit(download, thread_id) for thread_id in MIRRORS]
    done, _ = wait(futures, timeout=10, return_when=FIRST_COMPLETED)
    LOGGER.info("Got the file")
    STOP.set()
    executor.shutdown(cancel_futures=True)
    return done.pop().result()


def run_scenario(name: str, get: Callable[[ThreadPoolExecutor], str]) -> bool:
    """Get the file; return whether only one mirror had to send the whole file."""
    start_scenario(LOGGER, name)
    STOP.clear()
    complete.clear()
    with ThreadPoolExecutor(max_workers=len(MIRRORS)) as executor:
        text = get(executor)
    solved = len(complete) == 1 and text == "piece " * PIECES
    return report(LOGGER, f"Whole downloads: {len(complete)}", solved, should_be=1)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    from_all = run_scenario("all", get_from_all)
    from_first = run_scenario("first", get_from_first)
    return exit_status(LOGGER, from_all, from_first)


if __name__ == "__main__":
    raise SystemExit(main())
