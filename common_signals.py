"""Starting processes that leave Ctrl-C to the program that starts them."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Keep Ctrl-C from this program meanwhile, and for good from what it starts.

    With forkserver, this needs the program's first process to be started so as well.
    Raises ValueError in any other thread than the main one.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
