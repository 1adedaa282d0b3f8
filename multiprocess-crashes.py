"""Lose tasks to a crash, then rerun them.

Problem: a process that dies breaks its pool, and all unfinished tasks are lost.
Solution: rerun each lost task in its own pool, where only the one that crashes is lost.

Run: python3 multiprocess-crashes.py
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 4
CRASHING_PROCESS = 1
LOGGER = get_logger(__name__)


def convert(process_id: int) -> str:
    """Return a result, or die as if from a bug in C code."""
    LOGGER.info(f"Process: {process_id} started convert")
    if process_id == CRASHING_PROCESS:
        time.sleep(0.4)
        os._exit(1)
    if process_id > CRASHING_PROCESS:
        time.sleep(1.6)  # These would finish more than a second after the crash.
    LOGGER.info(f"Process: {process_id} finished convert")
    return f"result from process {process_id}"


def run_in_pool(process_ids: Sequence[int] = range(PROCESSES)) -> dict[int, str]:
    """Run all or some tasks in one pool; return the results that survive."""
    results = {}
    with ProcessPoolExecutor(max_workers=len(process_ids)) as executor:
        with ignore_interrupts():
            futures = [executor.submit(convert, number) for number in process_ids]
        for process_id, future in zip(process_ids, futures, strict=True):
            try:
                results[process_id] = future.result()
            except BrokenProcessPool:
                LOGGER.info(f"Process: {process_id} lost with its pool")
    return results


def run_again() -> dict[int, str]:
    """Run all tasks in one pool, then rerun each lost task in its own pool."""
    results = run_in_pool()
    for process_id in range(PROCESSES):
        if process_id not in results:
            results |= run_in_pool([process_id])
    return results


def run_scenario(name: str, run: Callable[[], dict[int, str]]) -> bool:
    """Run all tasks; return whether only the crashing one has no result."""
    start_scenario(LOGGER, name)
    count, most = len(run()), PROCESSES - 1
    return report(LOGGER, f"Results: {count}", count == most, most)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    once = run_scenario("crash", run_in_pool)
    again = run_scenario("crash and rerun", run_again)
    return exit_status(LOGGER, once, again)


if __name__ == "__main__":
    raise SystemExit(main())
