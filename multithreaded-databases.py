"""Lock a SQLite database, or wait for its lock.

Problem: two threads read a number, then both want to write it: `database is locked`.
Solution: take the database's write lock before reading, with `begin immediate`.

Run: python3 multithreaded-databases.py
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from common_logging import exit_status, get_logger, report, start_scenario

# How long each thread's customer takes to pay.
PAYING_SECONDS = (0.5, 1.0)
THREADS = len(PAYING_SECONDS)
TIMEOUT_SECONDS = 5.0
START = threading.Barrier(THREADS, timeout=10)
LOGGER = get_logger(__name__)


def connect(path: Path) -> sqlite3.Connection:
    """Connect to the database; have Python begin no transactions by itself."""
    return sqlite3.connect(path, timeout=TIMEOUT_SECONDS, isolation_level=None)


def sell_without_lock(thread_id: int, path: Path) -> None:
    """Sell one item in a transaction that doesn't take the write lock at first."""
    sell(thread_id, path, "begin")


def sell_with_lock(thread_id: int, path: Path) -> None:
    """Sell one item in a transaction that begins with the write lock."""
    sell(thread_id, path, "begin immediate")


def sell(thread_id: int, path: Path, begin: str) -> None:
    """Read how many items are left, wait for the payment, and store one less."""
    LOGGER.info(f"Thread: {thread_id} started sell")
    with closing(connect(path)) as connection:
        START.wait()
        LOGGER.info(f"Thread: {thread_id} waits for {begin}")
        try:
            connection.execute(begin)
            [left] = connection.execute("select items from stock").fetchone()
            LOGGER.info(f"Thread: {thread_id} got {left}")
            # Stands in for slow work. Meanwhile, the other thread reads if it can.
            time.sleep(PAYING_SECONDS[thread_id])
            LOGGER.info(f"Thread: {thread_id} waits for update and commit")
            connection.execute("update stock set items = ?", [left - 1])
            connection.execute("commit")
        except sqlite3.OperationalError as error:
            LOGGER.info(f"Thread: {thread_id} raised sqlite3.OperationalError: {error}")
        else:
            LOGGER.info(f"Thread: {thread_id} finished sell")


def run_scenario(name: str, sell_one: Callable[[int, Path], None]) -> bool:
    """Have each thread sell one item; return whether all items were sold."""
    start_scenario(LOGGER, name)
    with TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        with closing(connect(path)) as connection:
            connection.execute("create table stock (items integer)")
            connection.execute("insert into stock values (?)", [THREADS])
            with ThreadPoolExecutor(max_workers=THREADS) as executor:
                list(executor.map(sell_one, range(THREADS), [path] * THREADS))
            [left] = connection.execute("select items from stock").fetchone()
    return report(LOGGER, f"Items left: {left}", left == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_lock = run_scenario("begin", sell_without_lock)
    with_lock = run_scenario("begin immediate", sell_with_lock)
    return exit_status(LOGGER, without_lock, with_lock)


if __name__ == "__main__":
    raise SystemExit(main())
