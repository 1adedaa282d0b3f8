"""Count primes in a loop, in threads and in processes: who is faster, and when.

Problem: with a GIL, threads compute no faster than a plain loop does.
Solution: processes compute in parallel, since each has an interpreter of its own. They
    cost time to start and to talk to, so tiny tasks are better sent in large chunks.

Run: python3 multiprocess-basic.py
"""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from multiprocessing.synchronize import Barrier

from common_logging import get_logger
from common_signals import hold_interrupts

WORKERS = 4
NUMBERS = 700_000
TINY_TASKS = 4_000
CHUNK = 1_000
LOGGER = get_logger(__name__)


def meet(everybody: Barrier) -> None:
    """Wait in a process that has just started until all others have started too."""
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    everybody.wait()


def is_prime(number: int) -> bool:
    """Return whether an odd number, from 3 up, has no divisor but 1 and itself."""
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True


def count_primes(worker_id: int) -> int:
    """Count the primes in a worker's share of the odd numbers: every fourth of them."""
    share = range(3 + 2 * worker_id, NUMBERS, 2 * WORKERS)
    return sum(is_prime(number) for number in share)


def count_in_thread(thread_id: int) -> int:
    """Count the primes in a thread's share."""
    LOGGER.info(f"Thread: {thread_id} started count_in_thread")
    primes = count_primes(thread_id)
    LOGGER.info(f"Thread: {thread_id} finished count_in_thread")
    return primes


def count_in_process(process_id: int) -> int:
    """Count the primes in a process's share."""
    LOGGER.info(f"Process: {process_id} started count_in_process")
    primes = count_primes(process_id)
    LOGGER.info(f"Process: {process_id} finished count_in_process")
    return primes


def measure(start: Callable[[], Iterable[int]]) -> tuple[list[int], float]:
    """Start tasks and wait for them; return their results and the seconds it took."""
    started = time.perf_counter()
    results = list(start())
    return results, time.perf_counter() - started


def main() -> int:
    """Run all ways and compare them; return 0 if their results are the same."""
    gil = "with" if getattr(sys, "_is_gil_enabled", lambda: True)() else "without"
    LOGGER.info(f"This Python is {gil} a GIL, on {os.cpu_count()} cores")
    shares = range(WORKERS)
    numbers = range(3, 3 + 2 * TINY_TASKS, 2)

    LOGGER.info("Running loop scenario!")
    in_loop, loop = measure(lambda: map(count_primes, shares))
    LOGGER.info(f"Loop: {loop:.2f}s")
    LOGGER.info("")

    LOGGER.info("Running threads scenario!")
    with concurrent.futures.ThreadPoolExecutor(max_workers=WORKERS) as executor:
        in_threads, threads = measure(lambda: executor.map(count_in_thread, shares))
    LOGGER.info(f"Threads: {threads:.2f}s, speed-up {loop / threads:.2f}")
    LOGGER.info("")

    LOGGER.info("Running processes scenario!")
    everybody = multiprocessing.Barrier(WORKERS, timeout=4)
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=WORKERS, initializer=meet, initargs=(everybody,)
    ) as pool:
        # A Ctrl-C while a pool starts its processes could leave some behind.
        with hold_interrupts():
            _, starting = measure(lambda: pool.map(abs, shares))
        LOGGER.info(f"Starting {WORKERS} processes: {starting:.2f}s")
        in_processes, processes = measure(lambda: pool.map(count_in_process, shares))
        LOGGER.info(f"Processes: {processes:.2f}s, speed-up {loop / processes:.2f}")
        LOGGER.info("")

        LOGGER.info(f"Running {TINY_TASKS:,} tiny tasks scenario!")
        in_loop_tiny, loop = measure(lambda: map(is_prime, numbers))
        LOGGER.info(f"Loop: {loop:.3f}s")
        one_by_one, processes = measure(lambda: pool.map(is_prime, numbers))
        LOGGER.info(f"Processes, one by one: {processes:.3f}s")
        in_chunks, processes = measure(
            lambda: pool.map(is_prime, numbers, chunksize=CHUNK)
        )
        LOGGER.info(f"Processes, in chunks of {CHUNK:,}: {processes:.3f}s")

    if in_loop != in_threads or in_loop != in_processes:
        LOGGER.warning(f"{in_loop}, {in_threads}, {in_processes} should be the same!")
        return 1
    if in_loop_tiny != one_by_one or in_loop_tiny != in_chunks:
        LOGGER.warning("The tiny tasks should have had the same results!")
        return 1
    LOGGER.info(f"All ways found the same {sum(in_loop):,} primes, congratulations!")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
