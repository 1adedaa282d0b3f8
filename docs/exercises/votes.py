"""Mend it: votes get lost. Edit only count_letters."""

import threading

LOCK = threading.Lock()
votes = 0


def vote() -> None:
    """Count one vote."""
    global votes
    with LOCK:
        before = votes
        votes = before + 1


def count_letters(letters: int) -> None:
    """Count the votes that came in letters."""
    global votes
    before = votes
    votes = before + letters
