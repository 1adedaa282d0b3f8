"""Start processes that ignore Ctrl-C, so that only the main program handles it."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C in this block, and permanently in processes that it starts.

    Use it around the line that submits, because this line starts the processes. It is
    not enough to have them handle Ctrl-C with SIG_DFL: with forkserver on Python 3.15,
    processes were left behind.
    Raises ValueError if it isn't called in the main thread.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
