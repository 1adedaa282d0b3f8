"""End a program with SIGTERM, and clean up or not.

Problem: SIGTERM ends a program immediately, without any `finally` or end of `with`.
Solution: a handler notes the signal; the main thread then stops its tasks and ends.

Run: python3 multithreaded-termination.py
"""

import itertools
import os
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

if os.name != "posix":
    print("multithreaded-termination.py needs POSIX", file=sys.stderr)
    raise SystemExit(2)

# Like `docker stop`, the script sends SIGKILL to a program that takes longer.
GRACE_SECONDS = 2
LOGGER = get_logger(__name__)

EXPORT = """
import signal
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, wait

stop = threading.Event()

def export():
    print("Thread: 0 started export", flush=True)
    stop.wait(5)  # Stands in for work that regularly checks whether it should stop.
    print("Thread: 0 finished export", flush=True)
"""

WITHOUT_HANDLER = """
with tempfile.TemporaryDirectory(dir="."), ThreadPoolExecutor() as executor:
    print("Main thread submits the export", flush=True)
    futures = [executor.submit(export)]
    wait(futures)
"""

WITH_HANDLER = """
received = []
signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
with tempfile.TemporaryDirectory(dir="."), ThreadPoolExecutor() as executor:
    print("Main thread submits the export", flush=True)
    futures = [executor.submit(export)]
    try:
        while not received and wait(futures, timeout=0.1).not_done:
            pass
    finally:
        stop.set()
if received:
    raise SystemExit(128 + received[0])
"""


def run_scenario(name: str, source: str) -> bool:
    """Run a program and send it SIGTERM; return whether it removed its folder."""
    start_scenario(LOGGER, name)
    command = [sys.executable, "-c", EXPORT + source]
    with tempfile.TemporaryDirectory() as folder, ignore_interrupts():
        with Popen(command, cwd=folder, stdout=PIPE, text=True) as program:
            assert program.stdout is not None
            for line in itertools.islice(program.stdout, 2):
                LOGGER.info(line.strip())
            LOGGER.info("Sending SIGTERM")
            program.terminate()
            try:
                program.wait(timeout=GRACE_SECONDS)
            except TimeoutExpired:
                LOGGER.info("Sending SIGKILL")
                program.kill()
            for line in program.stdout:
                LOGGER.info(line.strip())
        if program.returncode < 0:
            LOGGER.info(f"Thread: 0 lost with exit status {program.returncode}")
        left = len(list(Path(folder).iterdir()))
    return report(LOGGER, f"Folders left behind: {left}", left == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_handler = run_scenario("no handler", WITHOUT_HANDLER)
    with_handler = run_scenario("handler", WITH_HANDLER)
    return exit_status(LOGGER, without_handler, with_handler)


if __name__ == "__main__":
    raise SystemExit(main())
