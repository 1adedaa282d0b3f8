"""The log lines that all scripts share.

They go to standard error and look like this:

2022-02-10 09:00:30,258 - __main__ - INFO - Thread: 0 finished foo
"""

import logging

LOG_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"


def get_logger(name: str) -> logging.Logger:
    """Return the logger with this name, at level INFO, with a handler.

    If an application or pytest has already set up handlers, add none.
    """
    # A script has these names when a process or an interpreter imports it again.
    if name in ("__mp_main__", "<fake __main__>"):
        name = "__main__"
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        logging.basicConfig(format=LOG_FORMAT)
    return logger
