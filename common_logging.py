"""The log lines that all scripts share: their format, and what they say.

They go to standard error and look like this:

2022-02-10 09:00:30,258 - __main__ - INFO - Thread: 0 finished foo

`<Worker>: <number> started <what>` and `... finished <what>` are at both ends of what a
worker does. The worker is a Thread, Process or Interpreter if it runs only one task, or
a Task if there are more tasks than workers. In between, a worker `waits for <what>` and
`got <what>`. A task may also be `queued`, `cancelled` or `lost`, or have `raised`.
"""

import itertools
import logging
import re

LOG_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"

# Read the lines: time, logger, level and message; then what a message says.
LINE = re.compile(r"(?m)^([\d-]{10} [\d:]{8},\d{3}) - (\S+) - ([A-Z]+) - (.*)$")
HEADING = re.compile(r"Running (.+) scenario!")
EVENT = re.compile(r"(Thread|Process|Interpreter|Task): (\d+) (\w+)(.*)")
SOLVED = ", congratulations!"
NOT_SHOWN = "Not shown: "
NO_PROBLEM = "The first scenario ended well but should show the problem!"

EXIT_OK, EXIT_FAILED, EXIT_NOT_SHOWN = 0, 1, 2

_scenarios = itertools.count()


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


def start_scenario(logger: logging.Logger, name: str) -> None:
    """Log a scenario's heading, below an empty line if it isn't the first one."""
    if next(_scenarios):
        logger.info("")
    logger.info(f"Running {name} scenario!")


def report(
    logger: logging.Logger, result: str, solved: bool, should_be: object
) -> bool:
    """Log how a scenario ended, in one line; return whether it is solved.

    For example, `Count is: -5 but should be 0!`, or `Count is 0, congratulations!`.
    """
    if solved:
        logger.info(result.replace(" is: ", " is ") + SOLVED)
    else:
        logger.warning(f"{result} but should be {should_be}!")
    return solved


def exit_status(logger: logging.Logger, first_solved: bool, last_solved: bool) -> int:
    """Return 0 if only the last scenario is solved, otherwise 1.

    A first scenario that is solved shows no problem, so log a warning about it.
    """
    if first_solved:
        logger.warning(NO_PROBLEM)
    return EXIT_OK if last_solved and not first_solved else EXIT_FAILED


def not_shown(logger: logging.Logger, reason: str) -> int:
    """Log why this machine or this Python can't show the script's lesson; return 2."""
    logger.warning(NOT_SHOWN + reason)
    return EXIT_NOT_SHOWN


def digest(log: str) -> list[tuple[str, str, str]]:
    """Return each scenario's result, name and verdict; then what went wrong, if any."""
    rows, scenario = [], ""
    for _, _, level, message in LINE.findall(log):
        if heading := HEADING.fullmatch(message):
            scenario = heading[1]
        elif message.startswith(NOT_SHOWN):
            rows.append(("not shown", "", message.removeprefix(NOT_SHOWN)))
        elif message == NO_PROBLEM:
            rows.append(("failed", "", message))
        elif level == "WARNING":
            rows.append(("problem", scenario, message))
        elif message.endswith(SOLVED):
            rows.append(("solved", scenario, message))
    return rows
