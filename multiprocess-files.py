"""Lose an update to a file, then replace the file.

Problem: two processes rewrite a file. Updates get lost, and a reader finds it empty.
Solution: hold a lock meanwhile, and write a new file that then replaces the old one.

Run: python3 multiprocess-files.py
"""

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Barrier, Event, Lock, synchronize
from pathlib import Path
from typing import Any

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 2
SLOW_SECONDS = 0.5
LOGGER = get_logger(__name__)

writing: synchronize.Event
lock: synchronize.Lock


def share(start: synchronize.Barrier, *shared: Any) -> None:
    """Store the shared objects for this process's tasks; wait for the other process."""
    global writing, lock
    writing, lock = shared
    start.wait()


def count_in_place(process_id: int, path: Path) -> None:
    """Rewrite the file, with one more visit."""
    LOGGER.info(f"Process: {process_id} started count_in_place")
    add_visit(process_id, path, path)
    LOGGER.info(f"Process: {process_id} finished count_in_place")


def count_and_replace(process_id: int, path: Path) -> None:
    """Do the same, but hold the lock, and write a new file that replaces the old."""
    LOGGER.info(f"Process: {process_id} started count_and_replace")
    LOGGER.info(f"Process: {process_id} waits for the lock")
    with lock:
        new_path = path.with_suffix(".new")
        add_visit(process_id, path, new_path)
        new_path.replace(path)
    LOGGER.info(f"Process: {process_id} finished count_and_replace")


def add_visit(process_id: int, source: Path, target: Path) -> None:
    """Read the number of visits from one file, and write the next number to another."""
    visits = json.loads(source.read_text())["visits"]
    LOGGER.info(f"Process: {process_id} got the count: {visits}")
    time.sleep(SLOW_SECONDS)  # Stands in for slow work. Both may have read by now.
    with target.open("w") as file:
        writing.set()
        time.sleep(SLOW_SECONDS)  # Stands in for a slow write. The file is empty.
        json.dump({"visits": visits + 1}, file)


def read(path: Path) -> int | None:
    """Return the number that another program finds in the file, or None if it fails."""
    try:
        return int(json.loads(path.read_text())["visits"])
    except json.JSONDecodeError as error:
        LOGGER.info(f"Reader raised {type(error).__name__}: {error}")
        return None


def run_scenario(name: str, count: Callable[[int, Path], None]) -> bool:
    """Have each process count a visit; return whether readers find 0, and later all."""
    start_scenario(LOGGER, name)
    shared = Barrier(PROCESSES, timeout=10), Event(), Lock()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state.json")
        path.write_text('{"visits": 0}')
        with ProcessPoolExecutor(PROCESSES, None, share, shared) as executor:
            with ignore_interrupts():
                done = executor.map(count, range(PROCESSES), [path] * PROCESSES)
            shared[1].wait(timeout=10)
            found = [read(path)]
            list(done)
        found.append(read(path))
    return report(LOGGER, f"Found: {found}", found == [0, PROCESSES], [0, PROCESSES])


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    in_place = run_scenario("in place", count_in_place)
    replace = run_scenario("lock and replace", count_and_replace)
    return exit_status(LOGGER, in_place, replace)


if __name__ == "__main__":
    raise SystemExit(main())
