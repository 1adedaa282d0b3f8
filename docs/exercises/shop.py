"""Make it fail: this shop has one copy of book 7, and a lock for each book."""

import threading

locks: dict[int, threading.Lock] = {}
stock = {7: 1}
sold: list[int] = []


def buy(book: int) -> None:
    """Sell a book if it is in stock."""
    if book not in locks:
        locks[book] = threading.Lock()
    with locks[book]:
        if stock[book] > 0:
            stock[book] -= 1
            sold.append(book)
