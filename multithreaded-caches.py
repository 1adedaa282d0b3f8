"""Fill a cache three times, or once with a lock.

Problem: threads check a cache at the same time. None of them finds the value there, so
    each of them queries the slow database.
Solution: check and query under one lock. Threads that come later find the value.

Run: python3 multithreaded-caches.py
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable

from common_logging import get_logger

THREADS = 3
START = threading.Barrier(THREADS, timeout=10)
LOCK = threading.Lock()
LOGGER = get_logger(__name__)

cache: dict[str, str] = {}
queries: list[str] = []


def query(user: str) -> str:
    """Return a user's name from the slow database."""
    LOGGER.info(f"Querying the database for {user}")
    queries.append(user)
    time.sleep(0.5)
    return user.title()


def get_without_lock(thread_id: int) -> None:
    """Get a user's name from the cache, or from the database if it isn't there."""
    LOGGER.info(f"Thread: {thread_id} started get_without_lock")
    START.wait()
    if "ada" not in cache:
        cache["ada"] = query("ada")
    LOGGER.info(f"Thread: {thread_id} finished get_without_lock: {cache['ada']}")


def get_with_lock(thread_id: int) -> None:
    """Do the same, but keep other threads from checking or querying."""
    LOGGER.info(f"Thread: {thread_id} started get_with_lock")
    START.wait()
    LOGGER.info(f"Thread: {thread_id} waits for the lock")
    with LOCK:
        LOGGER.info(f"Thread: {thread_id} got the lock")
        if "ada" not in cache:
            cache["ada"] = query("ada")
    LOGGER.info(f"Thread: {thread_id} finished get_with_lock: {cache['ada']}")


def run_scenario(get: Callable[[int], None]) -> int:
    """Have all threads use an empty cache; return how many queries they made."""
    cache.clear()
    queries.clear()
    with concurrent.futures.ThreadPoolExecutor(max_workers=THREADS) as executor:
        list(executor.map(get, range(THREADS)))
    if len(queries) == 1:
        LOGGER.info("Database queries: 1, congratulations!")
    else:
        LOGGER.warning(f"Database queries: {len(queries)} but should be 1!")
    return len(queries)


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running stampede scenario!")
    without_lock = run_scenario(get_without_lock)
    LOGGER.info("")

    LOGGER.info("Running lock scenario!")
    with_lock = run_scenario(get_with_lock)

    return 0 if without_lock > 1 and with_lock == 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
