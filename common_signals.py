"""Putting Ctrl-C off for a moment, in which a program would not survive it well.

It interrupts a program between any two of its steps. Where a pool has just started a
process, but not noted it yet, that process would stay behind, known to nobody. And a
lock that was just taken would stay taken for ever.
"""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def hold_interrupts() -> Iterator[list[int]]:
    """Let a Ctrl-C that comes during the `with` statement take effect at its end.

    Gives the list of those that came: without any in it, nothing happens at the end.
    A process that is forked meanwhile takes no notice of Ctrl-C. Raises ValueError in
    any other thread than the main one, which alone gets to know of signals.
    """
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)
