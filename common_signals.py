"""Start processes that ignore Ctrl-C, so that only the main program handles it."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C in this block, and permanently in processes that it starts.

    With forkserver, start the program's first process in such a block as well.
    Raises ValueError if it isn't called in the main thread.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
