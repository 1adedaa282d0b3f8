"""Mend it: a thread takes a photo that isn't there. Edit only take."""

import threading

CONDITION = threading.Condition()
photos: list[int] = []
taken: list[int] = []


def take() -> None:
    """Wait for a photo, and take it."""
    with CONDITION:
        if not photos:
            CONDITION.wait()
        taken.append(photos.pop())


def add(first: int, second: int) -> None:
    """Add two photos, and wake one waiting thread for each."""
    with CONDITION:
        photos.append(first)
        CONDITION.notify()
    with CONDITION:
        photos.append(second)
        CONDITION.notify()
