"""Three philosophers share three forks, and each of them needs two to eat."""

# ruff: noqa: SIM117
import threading

forks = [threading.Lock() for _ in range(3)]
eaten: list[int] = []


def dine(i: int) -> None:
    """Take the fork on the left, then the fork on the right, and eat."""
    with forks[i]:
        with forks[(i + 1) % 3]:
            eaten.append(i)
