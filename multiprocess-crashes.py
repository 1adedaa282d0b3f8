"""Lose tasks to a crash, then rerun them.

Problem: a process that dies breaks its pool. All unfinished tasks are lost, and nothing
    tells you which of them caused the crash.
Solution: rerun each lost task in its own pool. There, it either returns its result or
    turns out to be the task that crashes.

Run: python3 multiprocess-crashes.py
"""

import concurrent.futures
import os
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 4
CRASHING_PROCESS = 1
# Process 0 finishes before the crash, and the last two would finish after it.
SECONDS = (0, 0.4, 1.6, 1.6)
LOGGER = get_logger(__name__)

Results = dict[int, str]


def convert(process_id: int) -> str:
    """Return a result, or die as if from a bug in C code."""
    LOGGER.info(f"Process: {process_id} started convert")
    time.sleep(SECONDS[process_id])
    if process_id == CRASHING_PROCESS:
        os._exit(1)
    LOGGER.info(f"Process: {process_id} finished convert")
    return f"result from process {process_id}"


def run_in_pool(process_ids: Sequence[int]) -> Results:
    """Run tasks in one pool; return the results that survive."""
    results: Results = {}
    with concurrent.futures.ProcessPoolExecutor(len(process_ids)) as executor:
        with ignore_interrupts():
            futures = [executor.submit(convert, number) for number in process_ids]
        for process_id, future in zip(process_ids, futures, strict=True):
            try:
                results[process_id] = future.result()
            except BrokenProcessPool:
                LOGGER.info(f"Process: {process_id} lost with its pool")
    return results


def run_once() -> Results:
    """Run all tasks in one pool."""
    return run_in_pool(range(PROCESSES))


def run_again() -> Results:
    """Run all tasks in one pool, then rerun each lost task in its own pool."""
    results = run_in_pool(range(PROCESSES))
    for process_id in range(PROCESSES):
        if process_id not in results:
            results |= run_in_pool([process_id])
    return results


def report(results: Results) -> int:
    """Log and return the number of results. The crashing task can't have one."""
    if len(results) == PROCESSES - 1:
        LOGGER.info(f"Results: {len(results)}, congratulations!")
    else:
        LOGGER.warning(f"Results: {len(results)} but should be {PROCESSES - 1}!")
    return len(results)


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running crash scenario!")
    once = report(run_once())
    LOGGER.info("")

    LOGGER.info("Running crash and rerun scenario!")
    again = report(run_again())

    return 0 if once < PROCESSES - 1 and again == PROCESSES - 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
