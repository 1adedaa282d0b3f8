"""Count primes in threads, then in processes.

Problem: only the thread that holds the GIL can run Python code, so threads take turns.
Solution: each process has its own GIL, so processes compute at the same time.

Run: python3 multiprocess-basic.py
"""

import math
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from common_logging import exit_status, get_logger, not_shown, report, start_scenario
from common_signals import ignore_interrupts

WORKERS = 4
NUMBERS = 800_000
LOGGER = get_logger(__name__)


def is_prime(number: int) -> bool:
    """Return whether an odd number, 3 or larger, is prime."""
    return all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))


def count_primes(worker: str, share: int) -> float:
    """Count the primes in one share of the numbers; return the seconds it computed."""
    LOGGER.info(f"{worker}: {share} started count_primes")
    started = time.thread_time()
    primes = sum(map(is_prime, range(3 + 2 * share, NUMBERS, 2 * WORKERS)))
    took = time.thread_time() - started
    said = f"count_primes: {primes:,}. Computed for: {took:.2f}s"
    LOGGER.info(f"{worker}: {share} finished {said}")
    return took


def count_in_threads() -> list[float]:
    """Count each share in a thread."""
    with ThreadPoolExecutor(max_workers=WORKERS) as executor:
        return list(executor.map(count_primes, ["Thread"] * WORKERS, range(WORKERS)))


def count_in_processes() -> list[float]:
    """Count each share in a process."""
    with ProcessPoolExecutor(max_workers=WORKERS) as executor:
        with ignore_interrupts():
            took = executor.map(count_primes, ["Process"] * WORKERS, range(WORKERS))
        return list(took)


def run_scenario(name: str, count: Callable[[], list[float]]) -> bool:
    """Count all primes; return whether more than one worker computed at a time."""
    start_scenario(LOGGER, name)
    started = time.perf_counter()
    computed = sum(count())
    seconds = time.perf_counter() - started
    at_a_time = computed / seconds
    result = f"Computed {computed:.2f}s in {seconds:.2f}s: {at_a_time:.1f} at a time"
    least = 1.2  # A little more than 1.0 may be due to inexact clocks.
    return report(LOGGER, result, at_a_time > least, should_be=f"above {least}")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    in_threads = run_scenario("threads", count_in_threads)
    in_processes = run_scenario("processes", count_in_processes)
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return not_shown(LOGGER, "this Python has no GIL, so threads compute too")
    if not in_processes:
        cores = f"fewer than two free cores (of {os.cpu_count()})"
        return not_shown(LOGGER, f"{cores}, or too short tasks")
    return exit_status(LOGGER, in_threads, in_processes)


if __name__ == "__main__":
    raise SystemExit(main())
