"""Make it fail: this library has a lock for its books and one for its log."""

import threading

BOOKS, LOG = threading.Lock(), threading.Lock()
books = ["Emma"]
log: list[str] = []


def write(line: str) -> None:
    """Write a line to the log."""
    with LOG:
        log.append(line)


def lend() -> None:
    """Lend a book, and log its title."""
    with BOOKS:
        write(books.pop())


def end_log() -> None:
    """End the log with the number of books that are left."""
    with LOG, BOOKS:
        log.append(f"{len(books)} left")
