"""Count primes in interpreters: as parallel as processes are, in a single process.

Problem: with a GIL, threads compute no faster than a loop does. Processes compute in
    parallel, but each takes time to start, and memory.
Solution: interpreters, each with a GIL of its own, in threads of one process. They
    share no objects: each has its own globals, and what is sent arrives as a copy.

Run: python3 multiinterpreter-basic.py
"""

# /// script
# requires-python = ">=3.14"
# ///

import concurrent.futures
import functools
import math
import multiprocessing
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

from common_logging import get_logger
from common_signals import hold_interrupts

if sys.version_info < (3, 14):
    print("multiinterpreter-basic.py needs Python 3.14 or newer", file=sys.stderr)
    raise SystemExit(2)

from concurrent import interpreters

WORKERS = 4
NUMBERS = 700_000
FACTOR = 3
NUMBER = 14
LOCK = threading.Lock()
LOGGER = get_logger(__name__)

count = 0

Task = Callable[[int], int]
Queue = queue.Queue[None] | interpreters.Queue

PROGRAM = """
import concurrent.futures

FACTOR = 3

def triple(number):
    return FACTOR * number

{guard}
    with concurrent.futures.InterpreterPoolExecutor(1) as executor:
        print(executor.submit(triple, 14).result())
"""


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


def count_in_interpreter(interpreter_id: int) -> int:
    """Count the primes in an interpreter's share."""
    LOGGER.info(f"Interpreter: {interpreter_id} started count_in_interpreter")
    primes = count_primes(interpreter_id)
    LOGGER.info(f"Interpreter: {interpreter_id} finished count_in_interpreter")
    return primes


def count_in_process(process_id: int) -> int:
    """Count the primes in a process's share."""
    LOGGER.info(f"Process: {process_id} started count_in_process")
    primes = count_primes(process_id)
    LOGGER.info(f"Process: {process_id} finished count_in_process")
    return primes


def meet(here: Queue, go: Queue) -> int:
    """Wait until all workers are there; raise the count, and return it."""
    global count
    here.put(None)
    go.get(timeout=4)
    with LOCK:
        count += 1
        return count


def meet_in_process(everybody: Barrier) -> None:
    """Wait in a process that has just started until all others have started too."""
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    everybody.wait()


def triple(number: int) -> int:
    """Multiply by a global of this module."""
    return FACTOR * number


def multiply(factor: int, number: int) -> int:
    """Multiply two numbers."""
    return factor * number


def append(numbers: list[int]) -> list[int]:
    """Append a number to a list, and return the list."""
    numbers.append(42)
    return numbers


def start(
    pool: concurrent.futures.ThreadPoolExecutor, here: Queue, go: Queue
) -> list[int]:
    """Start all workers of a pool, and say what that cost; return their counts."""
    memory = measure_memory(os.getpid())
    started = time.perf_counter()
    # A Ctrl-C in between would leave the workers waiting.
    with hold_interrupts():
        futures = [pool.submit(meet, here, go) for _ in range(WORKERS)]
        for _ in futures:
            here.get(timeout=4)
        seconds = time.perf_counter() - started
        tell_start(seconds, measure_memory(os.getpid()) - memory)
        for _ in futures:
            go.put(None)
    return sorted(future.result() for future in futures)


def start_processes(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """Start all processes of a pool, and say what that cost."""
    started = time.perf_counter()
    # A Ctrl-C while a pool starts its processes could leave some behind.
    with hold_interrupts():
        list(pool.map(abs, range(WORKERS)))
    seconds = time.perf_counter() - started
    processes = multiprocessing.active_children()
    tell_start(seconds, sum(measure_memory(process.pid) for process in processes))


def measure_memory(process_id: int | None) -> float:
    """Return how many megabytes a process has for itself; NaN where that is unknown."""
    try:
        text = Path(f"/proc/{process_id}/smaps_rollup").read_text("ascii")
    except OSError:
        return math.nan
    return sum(map(int, re.findall(r"Private\w+: +(\d+)", text))) / 1024


def tell_start(seconds: float, memory: float) -> None:
    """Say how long it took to start all workers, and how many megabytes they cost."""
    LOGGER.info(f"Started {WORKERS} in {seconds:.2f}s, {memory / WORKERS:.1f} MB each")


def count_in_pool(
    pool: concurrent.futures.Executor, count_in_worker: Task, loop: float
) -> list[int]:
    """Count primes in all workers, and say how fast, compared with the loop."""
    started = time.perf_counter()
    primes = list(pool.map(count_in_worker, range(WORKERS)))
    seconds = time.perf_counter() - started
    LOGGER.info(f"Took {seconds:.2f}s, speed-up {loop / seconds:.2f}")
    return primes


def run_threads(loop: float) -> tuple[list[int], list[int]]:
    """Run threads; return how many primes they found, and their counts."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        counts = start(pool, queue.Queue(), queue.Queue())
        return count_in_pool(pool, count_in_thread, loop), counts


def run_interpreters(loop: float) -> tuple[list[int], list[int]]:
    """Run interpreters; return how many primes they found, and their counts."""
    with concurrent.futures.InterpreterPoolExecutor(WORKERS) as pool:
        counts = start(pool, interpreters.create_queue(), interpreters.create_queue())
        return count_in_pool(pool, count_in_interpreter, loop), counts


def run_processes(loop: float) -> list[int]:
    """Run processes; return how many primes they found."""
    everybody = multiprocessing.Barrier(WORKERS, timeout=4)
    with concurrent.futures.ProcessPoolExecutor(
        WORKERS, initializer=meet_in_process, initargs=(everybody,)
    ) as pool:
        start_processes(pool)
        return count_in_pool(pool, count_in_process, loop)


def compare() -> bool:
    """Count primes in all ways; return whether the results and counts are right."""
    LOGGER.info("Running loop scenario!")
    started = time.perf_counter()
    primes = [count_primes(worker_id) for worker_id in range(WORKERS)]
    loop = time.perf_counter() - started
    LOGGER.info(f"Took {loop:.2f}s")
    LOGGER.info("")

    LOGGER.info("Running threads scenario!")
    in_threads, shared = run_threads(loop)
    LOGGER.info(f"Counts are: {shared}, and the main interpreter's is {count}")
    LOGGER.info("")

    LOGGER.info("Running interpreters scenario!")
    in_interpreters, isolated = run_interpreters(loop)
    LOGGER.info(f"Counts are: {isolated}, and the main interpreter's is {count}")
    LOGGER.info("")

    LOGGER.info("Running processes scenario!")
    in_processes = run_processes(loop)
    if not primes == in_threads == in_interpreters == in_processes:
        LOGGER.warning("All ways should have found the same primes!")
        return False
    LOGGER.info(f"All ways found the same {sum(primes):,} primes, congratulations!")
    LOGGER.info("")
    return (shared, isolated, count) == ([1, 2, 3, 4], [1, 1, 1, 1], WORKERS)


def send(pool: concurrent.futures.Executor, name: str, task: Task) -> bool:
    """Send a task to an interpreter, and say how that went; return if it came there."""
    try:
        result = pool.submit(task, NUMBER).result()
    except interpreters.NotShareableError as error:
        LOGGER.warning(f"The {name} should have been sent! {type(error).__name__}")
        return False
    LOGGER.info(f"The {name} was sent and returned {result}, congratulations!")
    return result == FACTOR * NUMBER


def share() -> bool:
    """Send what can't be sent, and what can; return whether that is what happened."""
    factor = FACTOR

    def nested(number: int) -> int:
        return factor * number

    with concurrent.futures.InterpreterPoolExecutor(1) as pool:
        LOGGER.info("Running not shareable scenario!")
        stayed = [
            send(pool, "lambda with a global", lambda number: FACTOR * number),
            send(pool, "nested function with a variable", nested),
        ]
        numbers: list[int] = []
        returned = pool.submit(append, numbers).result()
        LOGGER.warning(f"The list is {numbers} but should be {returned}!")
        LOGGER.info("")

        LOGGER.info("Running shareable scenario!")
        sent = [
            send(pool, "top-level function", triple),
            send(pool, "partial", functools.partial(multiply, FACTOR)),
        ]
        numbers = pool.submit(append, numbers).result()
        LOGGER.info(f"The list that was returned is {numbers}, congratulations!")
        LOGGER.info("")
    return not any(stayed) and all(sent) and numbers == returned == [42]


def run_program(guard: str) -> bool:
    """Run the program with such a line as its guard; return whether it worked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.py")
        path.write_text(PROGRAM.format(guard=guard), encoding="utf-8")
        program = subprocess.run(
            [sys.executable, path],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    if program.stdout == "42\n":
        LOGGER.info("The program printed 42, congratulations!")
        return True
    [message, *_] = re.findall(r"\w+Error: .+", program.stderr) or [program.stderr]
    LOGGER.warning(f"The program should have printed 42! {message}")
    return False


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    compared = compare()
    shared = share()

    LOGGER.info("Running program without guard scenario!")
    worked = run_program("if True:")
    LOGGER.info("")

    LOGGER.info("Running program with guard scenario!")
    worked_with_guard = run_program('if __name__ == "__main__":')
    return 0 if compared and shared and worked_with_guard and not worked else 1


if __name__ == "__main__":
    raise SystemExit(main())
