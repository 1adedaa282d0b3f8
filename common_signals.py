"""Starting processes that leave Ctrl-C to the program that starts them."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C in the `with` statement; what is started in it always does.

    Raises ValueError in any other thread than the main one.
    """
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
