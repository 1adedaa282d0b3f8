"""Send tiny tasks one by one, or in chunks.

Problem: each task is sent to a process, and its result is sent back. Where a task takes
    less time than that, a pool of processes is slower than a loop.
Solution: `chunksize` sends many tasks at a time, so that sending costs little.

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
# A way that takes more than so many times as long as a loop is too slow.
TOO_SLOW = 10
LOGGER = get_logger(__name__)

Pool = concurrent.futures.ProcessPoolExecutor


def is_prime(number: int) -> bool:
    """Return whether an odd number is prime: a task too short for lines of its own."""
    return all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))


def send_one_by_one(executor: Pool) -> Iterable[bool]:
    """Send the processes one task at a time."""
    return executor.map(is_prime, NUMBERS)


def send_in_chunks(executor: Pool) -> Iterable[bool]:
    """Send the processes many tasks at a time."""
    return executor.map(is_prime, NUMBERS, chunksize=CHUNK)


def measure(results: Iterable[bool]) -> float:
    """Wait for all results; return how many seconds that took."""
    started = time.perf_counter()
    list(results)
    return time.perf_counter() - started


def run_scenario(send: Callable[[Pool], Iterable[bool]], limit: float) -> float:
    """Run all tasks in processes; return the seconds, which should be below a limit."""
    with Pool(max_workers=PROCESSES) as executor:
        # Start the processes before the time is taken.
        with ignore_interrupts():
            list(executor.map(is_prime, range(1, 2 * PROCESSES, 2)))
        seconds = measure(send(executor))
    if seconds < limit:
        LOGGER.info(f"Took {seconds:.3f}s, congratulations!")
    else:
        LOGGER.warning(f"Took {seconds:.3f}s but should be below {limit:.3f}s!")
    return seconds


def main() -> int:
    """Run the tasks in all ways; return 0 if sending them one by one is the slowest."""
    # The least of three is not that of a moment in which something else ran.
    loop = min(measure(map(is_prime, NUMBERS)) for _ in range(3))
    LOGGER.info(f"A loop takes {loop:.3f}s for {len(NUMBERS):,} tasks")
    LOGGER.info("")

    LOGGER.info("Running one by one scenario!")
    one_by_one = run_scenario(send_one_by_one, limit=TOO_SLOW * loop)
    LOGGER.info("")

    LOGGER.info("Running chunks scenario!")
    in_chunks = run_scenario(send_in_chunks, limit=TOO_SLOW * loop)

    return 0 if in_chunks < TOO_SLOW * loop < one_by_one else 1


if __name__ == "__main__":
    raise SystemExit(main())
