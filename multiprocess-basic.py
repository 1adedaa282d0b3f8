"""Count primes in threads, then in processes.

Problem: only one thread at a time can hold the GIL and run Python code, so threads
    compute no faster than a loop.
Solution: each process has its own GIL, so processes compute at the same time.

Run: python3 multiprocess-basic.py
"""

import concurrent.futures
import time
from collections.abc import Iterable

from common_logging import get_logger
from common_signals import ignore_interrupts

WORKERS = 4
NUMBERS = 800_000
# A speedup below this may be chance.
FASTER = 1.2
LOGGER = get_logger(__name__)


def is_prime(number: int) -> bool:
    """Return whether an odd number, 3 or larger, is prime."""
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True


def count_primes(worker: str, share: int) -> int:
    """Count the primes in one share of the odd numbers, a quarter of them."""
    LOGGER.info(f"{worker}: {share} started count_primes")
    started = time.thread_time()
    primes = sum(map(is_prime, range(3 + 2 * share, NUMBERS, 2 * WORKERS)))
    took = time.thread_time() - started
    LOGGER.info(f"{worker}: {share} finished count_primes. Computed for: {took:.2f}s")
    return primes


def count_in_threads() -> Iterable[int]:
    """Count each share in a thread."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=WORKERS) as executor:
        return executor.map(count_primes, ["Thread"] * WORKERS, range(WORKERS))


def count_in_processes() -> Iterable[int]:
    """Count each share in a process."""
    with (
        concurrent.futures.ProcessPoolExecutor(max_workers=WORKERS) as executor,
        ignore_interrupts(),
    ):
        return executor.map(count_primes, ["Process"] * WORKERS, range(WORKERS))


def report(seconds: float, loop_seconds: float) -> None:
    """Log the speedup: how many times as fast as the loop this was."""
    speed_up = loop_seconds / seconds
    took = f"Took {seconds:.2f}s, speedup {speed_up:.2f}"
    if speed_up > FASTER:
        LOGGER.info(f"{took}, congratulations!")
    else:
        LOGGER.warning(f"{took} but should be above {FASTER}!")


def main() -> int:
    """Count in three ways; return 0 if the counts agree, whatever the speed."""
    started = time.perf_counter()
    primes = sum(map(is_prime, range(3, NUMBERS, 2)))
    loop_seconds = time.perf_counter() - started
    LOGGER.info(f"A loop finds {primes:,} primes in {loop_seconds:.2f}s")
    LOGGER.info("")

    LOGGER.info("Running threads scenario!")
    started = time.perf_counter()
    in_threads = sum(count_in_threads())
    report(time.perf_counter() - started, loop_seconds)
    LOGGER.info("")

    LOGGER.info("Running processes scenario!")
    started = time.perf_counter()
    in_processes = sum(count_in_processes())
    report(time.perf_counter() - started, loop_seconds)

    return 0 if primes == in_threads == in_processes else 1


if __name__ == "__main__":
    raise SystemExit(main())
