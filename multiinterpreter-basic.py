"""Count primes in threads, then in interpreters.

Problem: with a GIL, threads compute no faster than a loop does.
Solution: interpreters, each with its own GIL, compute in parallel in one process.

Run: python3 multiinterpreter-basic.py
"""

# /// script
# requires-python = ">=3.14"
# ///

import concurrent.futures
import sys
import time
from collections.abc import Iterable

from common_logging import get_logger

if sys.version_info < (3, 14):
    print("multiinterpreter-basic.py needs Python 3.14 or newer", file=sys.stderr)
    raise SystemExit(2)

WORKERS = 4
NUMBERS = 800_000
# A smaller speedup may be due to chance.
FASTER = 1.2
LOGGER = get_logger(__name__)


def is_prime(number: int) -> bool:
    """Return whether an odd number, from 3 up, has no divisor but 1 and itself."""
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True


def find_primes(worker: str, share: int) -> int:
    """Count the primes in one share of the odd numbers: every fourth of them."""
    LOGGER.info(f"{worker}: {share} started find_primes")
    started = time.thread_time()
    primes = sum(map(is_prime, range(3 + 2 * share, NUMBERS, 2 * WORKERS)))
    took = time.thread_time() - started
    LOGGER.info(f"{worker}: {share} finished find_primes. Computed for: {took:.2f}s")
    return primes


def count_in_threads() -> Iterable[int]:
    """Count each share in a thread."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=WORKERS) as executor:
        return executor.map(find_primes, ["Thread"] * WORKERS, range(WORKERS))


def count_in_interpreters() -> Iterable[int]:
    """Count each share in an interpreter."""
    with concurrent.futures.InterpreterPoolExecutor(max_workers=WORKERS) as executor:
        return executor.map(find_primes, ["Interpreter"] * WORKERS, range(WORKERS))


def report(seconds: float, loop_seconds: float) -> None:
    """Log the speedup: how many times as fast as the loop the tasks were."""
    speed_up = loop_seconds / seconds
    took = f"Took {seconds:.2f}s, speedup {speed_up:.2f}"
    if speed_up > FASTER:
        LOGGER.info(f"{took}, congratulations!")
    else:
        LOGGER.warning(f"{took} but should be above {FASTER}!")


def main() -> int:
    """Count in all three ways; return 0 if they agree, whatever the speed."""
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

    LOGGER.info("Running interpreters scenario!")
    started = time.perf_counter()
    in_interpreters = sum(count_in_interpreters())
    report(time.perf_counter() - started, loop_seconds)

    return 0 if primes == in_threads == in_interpreters else 1


if __name__ == "__main__":
    raise SystemExit(main())
