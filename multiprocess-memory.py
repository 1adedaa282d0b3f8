"""Send a large text with each task, or share it.

Problem: an executor sends a large argument again with each task that has it.
Solution: write the text to a file, send only its path, and map the file into memory.

Run: python3 multiprocess-memory.py
"""

import mmap
import pickle
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 2
WORDS = (b"spam", b"ham", b"eggs", b"tea")
LINES = 250_000
LOGGER = get_logger(__name__)


def count_in_copy(text: bytes, task_id: int) -> int:
    """Count a word in this task's own copy of the text."""
    LOGGER.info(f"Task: {task_id} started count_in_copy")
    found = len(re.findall(WORDS[task_id], text))
    LOGGER.info(f"Task: {task_id} finished count_in_copy. Found: {found}")
    return found


def count_in_file(path: str, task_id: int) -> int:
    """Do the same in the file with the text, which all tasks share."""
    LOGGER.info(f"Task: {task_id} started count_in_file")
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        found = len(re.findall(WORDS[task_id], text))
    LOGGER.info(f"Task: {task_id} finished count_in_file. Found: {found}")
    return found


def run_with_copies(text: bytes) -> int:
    """Send the text with each task."""
    return run_tasks(count_in_copy, text)


def run_with_file(text: bytes) -> int:
    """Write the text to a file once, and send its path with each task."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "text")
        path.write_bytes(text)
        return run_tasks(count_in_file, str(path))


def run_tasks(count: Callable[..., int], argument: bytes | str) -> int:
    """Run a task for each word; return how many bytes the executor sends for them."""
    sent, futures = 0, []
    with ProcessPoolExecutor(max_workers=PROCESSES) as executor:
        for task_id in range(len(WORDS)):
            # The executor pickles each task in the same way.
            sent += len(pickle.dumps((count, argument, task_id)))
            with ignore_interrupts():
                futures.append(executor.submit(count, argument, task_id))
        for future in futures:
            future.result()
    return sent


def run_scenario(name: str, run: Callable[[bytes], int]) -> bool:
    """Count all words in a text; return whether less than one text was sent."""
    start_scenario(LOGGER, name)
    text = (b" ".join(WORDS) + b"\n") * LINES
    sent = run(text)
    limit = f"below {len(text):,}"
    return report(LOGGER, f"Bytes sent: {sent:,}", sent < len(text), limit)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with_copies = run_scenario("copies", run_with_copies)
    with_file = run_scenario("file", run_with_file)
    return exit_status(LOGGER, with_copies, with_file)


if __name__ == "__main__":
    raise SystemExit(main())
