"""Sleep in five tasks at once, on a cluster of workers: here or on other machines.

Problem: a pool of threads or processes ends where its machine ends. And what a task
    logs on another machine stays there.
Solution: the executor of a Dask client runs the same tasks on a cluster, and their log
    lines come back. Without a cluster's address, a small one is started here.

Run: python3 distributed-basic.py
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["distributed>=2025.1"]
# ///

import random
import time

from common_cluster import dask, distributed, open_client
from common_logging import get_logger

TASKS = 5
WORKERS = 2
THREADS = 3
LOGGER = get_logger(__name__)


def foo(task_id: int) -> int:
    """Sleep for a random whole number of seconds, 0 to 4, and return it."""
    worker = distributed.get_worker().name
    seconds = random.randint(0, 4)
    LOGGER.info(
        f"Task: {task_id} started foo on worker {worker}. Will sleep for: {seconds}s"
    )
    time.sleep(seconds)
    LOGGER.info(f"Task: {task_id} finished foo on worker {worker}")
    return seconds


def main() -> int:
    """Run all tasks on a cluster; return 0 if they took as long as the longest."""
    # Set by DASK_SCHEDULER_ADDRESS, or in Dask's own files: a cluster stands there.
    address = dask.config.get("scheduler-address", None)
    with open_client(LOGGER, WORKERS, THREADS, address) as client:
        started = time.perf_counter()
        # Dask takes functions for pure: it would not run one again for the same number.
        with client.get_executor(pure=False) as executor:
            sleeps = list(executor.map(foo, range(TASKS)))
        took = time.perf_counter() - started

    slept = f"Slept {sum(sleeps)}s in {took:.1f}s"
    # A cluster elsewhere may be smaller, or have other things to do.
    if not address and took > max(sleeps) + 1:
        LOGGER.warning(f"{slept} but should be {max(sleeps)}s!")
        return 1
    LOGGER.info(f"{slept}, congratulations!")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
