"""Use an object in other threads, or in its owner.

Problem: an object that belongs to one thread fails when another thread uses it.
Solution: one thread creates and uses the object, and the others send it their calls.

Run: python3 multithreaded-owners.py
"""

import functools
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from common_logging import exit_status, get_logger, report, start_scenario

PRICES = (("tea", 3), ("coffee", 4), ("cocoa", 5))
THREADS = len(PRICES)
START = threading.Barrier(THREADS, timeout=10)
LOGGER = get_logger(__name__)


class Database(NamedTuple):
    """A connection, and the pool with the one thread that created it."""

    connection: sqlite3.Connection
    owner: ThreadPoolExecutor


def connect() -> sqlite3.Connection:
    """Create a database in memory, which exists only in this connection."""
    connection = sqlite3.connect(":memory:")
    connection.execute("create table prices (item text, price integer)")
    connection.executemany("insert into prices values (?, ?)", PRICES)
    return connection


def query(connection: sqlite3.Connection, item: str) -> int:
    """Return the price of an item."""
    rows = connection.execute("select price from prices where item = ?", [item])
    return int(rows.fetchone()[0])


def query_here(database: Database, item: str) -> int:
    """Query the database in the thread that calls this function."""
    return query(database.connection, item)


def query_in_owner(database: Database, item: str) -> int:
    """Have the owner thread query the database, and wait for the price."""
    future = database.owner.submit(query, database.connection, item)
    return future.result(timeout=10)


def find_price(
    get: Callable[[Database, str], int], database: Database, thread_id: int
) -> bool:
    """Find the price of this thread's item; return whether that worked."""
    LOGGER.info(f"Thread: {thread_id} started find_price")
    item, right_price = PRICES[thread_id]
    START.wait()
    LOGGER.info(f"Thread: {thread_id} waits for the price of {item}")
    try:
        price = get(database, item)
    except sqlite3.ProgrammingError as error:
        # The message continues with the numbers of both threads.
        message = str(error).partition(" The ")[0]
        LOGGER.info(f"Thread: {thread_id} raised sqlite3.ProgrammingError: {message}")
        return False
    LOGGER.info(f"Thread: {thread_id} finished find_price: {price}")
    return price == right_price


def run_scenario(name: str, get: Callable[[Database, str], int]) -> bool:
    """Have all threads use the owner's connection; return whether it worked."""
    start_scenario(LOGGER, name)
    with ThreadPoolExecutor(max_workers=1) as owner:
        database = Database(owner.submit(connect).result(timeout=10), owner)
        with ThreadPoolExecutor(max_workers=THREADS) as executor:
            task = functools.partial(find_price, get, database)
            found = sum(executor.map(task, range(THREADS)))
        owner.submit(database.connection.close).result(timeout=10)
    return report(LOGGER, f"Prices found: {found}", found == THREADS, THREADS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    here = run_scenario("any thread", query_here)
    in_owner = run_scenario("owner thread", query_in_owner)
    return exit_status(LOGGER, here, in_owner)


if __name__ == "__main__":
    raise SystemExit(main())
