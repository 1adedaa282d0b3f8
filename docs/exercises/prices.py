"""Mend it: two threads query the same price. Edit only find_price."""

import threading

LOCK = threading.Lock()
cache: dict[int, int] = {}
queries: list[int] = []


def query(book: int) -> int:
    """Query the price of a book, which is slow."""
    queries.append(book)
    return 2 * book


def find_price(book: int) -> int:
    """Return a price from the cache, or query it first."""
    if book not in cache:
        cache[book] = query(book)
    return cache[book]
