"""Fill a cache three times, or once with a lock.

Problem: threads that find a cache empty at the same time each query the slow database.
Solution: check and query under one lock. Threads that come later find the value.

Run: python3 multithreaded-caches.py
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

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


def run_scenario(name: str, get: Callable[[int], None]) -> bool:
    """Have all threads use an empty cache; return whether they made only one query."""
    cache.clear()
    queries.clear()
    start_scenario(LOGGER, name)
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        list(executor.map(get, range(THREADS)))
    made = len(queries)
    return report(LOGGER, f"Database queries: {made}", made == 1, should_be=1)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_lock = run_scenario("stampede", get_without_lock)
    with_lock = run_scenario("lock", get_with_lock)
    return exit_status(LOGGER, without_lock, with_lock)


if __name__ == "__main__":
    raise SystemExit(main())
