"""End a program while a thread saves its state.

Problem: when a program ends, a daemon thread is cut off in the middle of its work.
Solution: don't make the thread a daemon. Ask it to stop, and wait for it with `join`.

Run: python3 multithreaded-daemons.py
"""

import json
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PATIENCE_SECONDS = 5
LOGGER = get_logger(__name__)

SAVE = """
import json
import threading
import time

saving, stop = threading.Event(), threading.Event()

def save_regularly():
    while not stop.is_set():
        print("Thread: 0 started save", flush=True)
        with open("state.json", "w") as file:
            saving.set()
            time.sleep(0.5)  # Stands in for a large state, which is slow to write.
            json.dump({"visits": 2}, file)
        print("Thread: 0 finished save", flush=True)
        stop.wait(60)

def work():
    saving.wait(timeout=10)  # The work ends while the thread saves.
"""

WITH_DAEMON = """
thread = threading.Thread(target=save_regularly, daemon=True)
thread.start()
work()
"""

WITH_JOIN = """
thread = threading.Thread(target=save_regularly)
thread.start()
try:
    work()
finally:
    stop.set()
    thread.join()
"""


def read_visits(path: Path) -> int | None:
    """Return the number of visits in a file, or None if it isn't valid JSON."""
    try:
        return int(json.loads(path.read_text("utf-8"))["visits"])
    except json.JSONDecodeError as error:
        LOGGER.info(f"{path.name} raised {type(error).__name__}: {error}")
        return None


def run_scenario(name: str, source: str) -> bool:
    """Run a program; return whether it succeeded and the file has its state."""
    start_scenario(LOGGER, name)
    command = [sys.executable, "-c", SAVE + source]
    with tempfile.TemporaryDirectory() as folder, ignore_interrupts():
        path = Path(folder, "state.json")
        path.write_text('{"visits": 1}', "utf-8")  # The state after an earlier run.
        with Popen(command, cwd=folder, stdout=PIPE, text=True) as program:
            try:
                lines = program.communicate(timeout=PATIENCE_SECONDS)[0]
            except TimeoutExpired:
                program.kill()
                lines = program.communicate()[0]
        for line in lines.splitlines():
            LOGGER.info(line)
        if "finished" not in lines:
            LOGGER.info("Thread: 0 lost when its program ended")
        status, visits = program.returncode, read_visits(path)
    result = f"Exit status: {status}, visits in the file: {visits}"
    return report(LOGGER, result, (status, visits) == (0, 2), should_be="0 and 2")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with_daemon = run_scenario("daemon", WITH_DAEMON)
    with_join = run_scenario("join", WITH_JOIN)
    return exit_status(LOGGER, with_daemon, with_join)


if __name__ == "__main__":
    raise SystemExit(main())
