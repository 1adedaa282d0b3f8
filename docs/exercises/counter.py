"""Add 1 to a count in a single line."""

count = 0


def add() -> None:
    """Add 1 to the count."""
    global count
    count += 1
