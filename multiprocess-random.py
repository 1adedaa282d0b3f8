"""Draw the same numbers in each process, or not.

Problem: all processes copy one random number generator, and draw the same numbers.
Solution: have each task create its own generator, and put its number into the seed.

Run: python3 multiprocess-random.py
"""

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

SEED = 2026
GENERATOR = random.Random(SEED)
PROCESSES = 4
DRAWS = 1_000
LOGGER = get_logger(__name__)

# Shared by the processes: `share` sets it in each process.
start: Barrier


def share(shared_start: Barrier) -> None:
    """Store the barrier where this process's task can find it."""
    global start
    start = shared_start


def draw_from_global(process_id: int) -> list[float]:
    """Draw random numbers from the generator of this process."""
    LOGGER.info(f"Process: {process_id} started draw_from_global")
    # Keeps a fast process from running two tasks while another one still starts.
    start.wait()
    numbers = [GENERATOR.random() for _ in range(DRAWS)]
    first = numbers[0]
    LOGGER.info(f"Process: {process_id} finished draw_from_global. First: {first:.3f}")
    return numbers


def draw_from_own(process_id: int) -> list[float]:
    """Do the same, but create a generator with a seed for this task."""
    LOGGER.info(f"Process: {process_id} started draw_from_own")
    start.wait()
    generator = random.Random(f"{SEED}-{process_id}")
    numbers = [generator.random() for _ in range(DRAWS)]
    first = numbers[0]
    LOGGER.info(f"Process: {process_id} finished draw_from_own. First: {first:.3f}")
    return numbers


def run_scenario(name: str, draw: Callable[[int], list[float]]) -> bool:
    """Draw numbers in all processes; return whether they are all different."""
    start_scenario(LOGGER, name)
    shared = (multiprocessing.Barrier(PROCESSES, timeout=10),)
    with ProcessPoolExecutor(PROCESSES, initializer=share, initargs=shared) as executor:
        with ignore_interrupts():
            results = executor.map(draw, range(PROCESSES))
        numbers = [number for result in results for number in result]
    count, most = len(set(numbers)), len(numbers)
    return report(LOGGER, f"Different numbers: {count:,}", count == most, f"{most:,}")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    from_global = run_scenario("same seed", draw_from_global)
    from_own = run_scenario("own seeds", draw_from_own)
    return exit_status(LOGGER, from_global, from_own)


if __name__ == "__main__":
    raise SystemExit(main())
