"""Send tiny tasks one by one, or in chunks.

Problem: each task is sent to a process, and its result is sent back. If that takes
    longer than the task itself, a pool of processes is slower than a loop.
Solution: with `chunksize`, one message carries many tasks, so sending costs little.

Run: python3 multiprocess-chunks.py
"""

import concurrent.futures
import math
import time
from collections.abc import Callable, Iterable

from common_logging import get_logger
from common_signals import ignore_interrupts

PROCESSES = 2
NUMBERS = range(100_001, 132_001, 2)
CHUNK = 1_000
LOGGER = get_logger(__name__)

Pool = concurrent.futures.ProcessPoolExecutor


def is_prime(number: int) -> bool:
    """Return whether an odd number is prime: a task too short to log."""
    return all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))


def send_one_by_one(executor: Pool) -> Iterable[bool]:
    """Send the processes one task at a time."""
    return executor.map(is_prime, NUMBERS)


def send_in_chunks(executor: Pool) -> Iterable[bool]:
    """Send the processes many tasks at a time."""
    return executor.map(is_prime, NUMBERS, chunksize=CHUNK)


def run_scenario(send: Callable[[Pool], Iterable[bool]], limit: float) -> float:
    """Run all tasks in processes; return how much CPU time this process used."""
    with Pool(max_workers=PROCESSES) as executor:
        # Start the processes before timing begins.
        with ignore_interrupts():
            list(executor.map(is_prime, range(1, 2 * PROCESSES, 2)))
        started = time.process_time()
        list(send(executor))
        seconds = time.process_time() - started
    if seconds < limit:
        LOGGER.info(f"Parent used {seconds:.3f}s of CPU, congratulations!")
    else:
        LOGGER.warning(
            f"Parent used {seconds:.3f}s of CPU but should be below {limit:.3f}s!"
        )
    return seconds


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    started = time.process_time()
    list(map(is_prime, NUMBERS))
    loop = time.process_time() - started
    LOGGER.info(f"A loop uses {loop:.3f}s of CPU for all {len(NUMBERS):,} tasks")
    LOGGER.info("")

    LOGGER.info("Running one by one scenario!")
    one_by_one = run_scenario(send_one_by_one, limit=loop)
    LOGGER.info("")

    LOGGER.info("Running chunks scenario!")
    in_chunks = run_scenario(send_in_chunks, limit=one_by_one / 10)

    return 0 if loop < one_by_one and in_chunks < one_by_one / 10 else 1


if __name__ == "__main__":
    raise SystemExit(main())
