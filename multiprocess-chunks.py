"""Send tiny tasks one by one, or in chunks.

Problem: if sending a task takes longer than running it, a pool is slower than a loop.
Solution: with `chunksize`, one message carries many tasks, so sending costs little.

Run: python3 multiprocess-chunks.py
"""

import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor

from common_logging import exit_status, get_logger, not_shown, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 2
TASKS = 6_000
CHUNK = 500
NUMBERS = range(300_000_001, 300_000_001 + 2 * TASKS, 2)
LOGGER = get_logger(__name__)


def is_prime(number: int) -> bool:
    """Return whether an odd number is prime: a task too short to log."""
    return all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))


def send_one_by_one(executor: ProcessPoolExecutor) -> Iterable[bool]:
    """Send the processes one task at a time."""
    return executor.map(is_prime, NUMBERS)


def send_in_chunks(executor: ProcessPoolExecutor) -> Iterable[bool]:
    """Send the processes many tasks at a time."""
    return executor.map(is_prime, NUMBERS, chunksize=CHUNK)


def time_loop() -> float:
    """Run all tasks in a loop, and return the seconds."""
    started = time.perf_counter()
    list(map(is_prime, NUMBERS))
    return time.perf_counter() - started


def time_pool(send: Callable[[ProcessPoolExecutor], Iterable[bool]]) -> float:
    """Run all tasks in processes that have already started, and return the seconds."""
    with ProcessPoolExecutor(max_workers=PROCESSES) as executor:
        with ignore_interrupts():
            # These tasks start the processes before the clock does.
            first_results = executor.map(is_prime, range(1, 2 * PROCESSES, 2))
        list(first_results)
        started = time.perf_counter()
        list(send(executor))
        return time.perf_counter() - started


def run_scenario(
    name: str, send: Callable[[ProcessPoolExecutor], Iterable[bool]]
) -> tuple[bool, float]:
    """Time a pool and a loop; return whether the pool was faster, and its seconds."""
    start_scenario(LOGGER, name)
    before, pool, after = time_loop(), time_pool(send), time_loop()
    limit = 0.8 * min(before, after)
    result = f"{TASKS:,} tasks took {pool:.2f}s"
    should_be = f"below {limit:.2f}s (80% of a loop)"
    return report(LOGGER, result, pool < limit, should_be), pool


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    one_by_one, slow = run_scenario("one by one", send_one_by_one)
    in_chunks, fast = run_scenario("chunks", send_in_chunks)
    if not in_chunks and fast < slow:
        return not_shown(LOGGER, "fewer than two processes had work and a free core")
    return exit_status(LOGGER, one_by_one, in_chunks)


if __name__ == "__main__":
    raise SystemExit(main())
