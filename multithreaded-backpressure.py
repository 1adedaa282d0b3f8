"""Read the whole input before the first result is used, or only a little ahead.

Problem: `submit` in a loop, and `map`, read the input to its end at once. Where tasks
    are slower than reading, nearly all of them wait as futures, and fill the memory.
Solution: backpressure: at most so many tasks in flight, and reading waits. With a
    semaphore, with `wait`, or with `map`'s buffersize, which is new in Python 3.14.

Run: python3 multithreaded-backpressure.py
"""

import collections
import concurrent.futures
import contextlib
import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

from common_logging import get_logger

THREADS = 8
TASKS = 2_000
BOUND = 64
# One more input is read before its reader finds that it has to wait.
AHEAD = BOUND + 1
NAP_SECONDS = 0.001
LOCK = threading.Lock()
LOGGER = get_logger(__name__)

# Without it, which is so on PyPy, no memory is told.
tracemalloc: ModuleType | None = None
with contextlib.suppress(ImportError):
    tracemalloc = importlib.import_module("tracemalloc")

# How many inputs were read, how many results used, and how far reading was ahead.
read = used = ahead = 0
total = 0

Pool = concurrent.futures.ThreadPoolExecutor
Future = concurrent.futures.Future[int]


def read_input() -> Iterator[int]:
    """Yield the numbers of the tasks, one after another, as if from a long file."""
    global read, ahead
    for thread_id in range(TASKS):
        with LOCK:
            read += 1
            ahead = max(ahead, read - used)
        yield thread_id


def foo(thread_id: int) -> int:
    """Return the square of a task's number after a nap; log every thousandth task."""
    if thread_id % 1_000 == 0:
        LOGGER.info(f"Thread: {thread_id} started foo")
    time.sleep(NAP_SECONDS)
    if thread_id % 1_000 == 0:
        LOGGER.info(f"Thread: {thread_id} finished foo")
    return thread_id * thread_id


def use(result: int) -> None:
    """Add a result to the total; on a terminal, show how many there were."""
    global used, total
    with LOCK:
        used += 1
        total += result
        if used % 100 == 0 and sys.stderr.isatty():
            # The next line that is printed, this one or another, takes its place.
            print(f"{used:,} of {TASKS:,}", end="\r", file=sys.stderr, flush=True)


def submit_all(pool: Pool) -> None:
    """Submit all tasks, then use each result as soon as it is there."""
    futures = [pool.submit(foo, thread_id) for thread_id in read_input()]
    for future in concurrent.futures.as_completed(futures):
        use(future.result())


def map_all(pool: Pool) -> None:
    """Map all tasks, and use the results in order."""
    for result in pool.map(foo, read_input()):
        use(result)


def submit_with_semaphore(pool: Pool) -> None:
    """Take a slot for each task, which its end gives back."""
    slots = threading.Semaphore(BOUND)

    def finish(future: Future) -> None:
        try:
            use(future.result())
        finally:
            slots.release()

    for thread_id in read_input():
        slots.acquire()
        pool.submit(foo, thread_id).add_done_callback(finish)


def submit_with_wait(pool: Pool) -> None:
    """Wait, where enough tasks are in flight, until some of them are done."""
    in_flight: set[Future] = set()
    for thread_id in read_input():
        if len(in_flight) == BOUND:
            done, in_flight = concurrent.futures.wait(
                in_flight, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                use(future.result())
        in_flight.add(pool.submit(foo, thread_id))
    for future in in_flight:
        use(future.result())


def map_with_buffersize(pool: Pool) -> None:
    """Map with a bound of its own, which submits one more; use the results in order."""
    if sys.version_info >= (3, 14):
        for result in pool.map(foo, read_input(), buffersize=BOUND):
            use(result)
        return
    # The same by hand.
    in_flight = collections.deque[Future]()
    for thread_id in read_input():
        in_flight.append(pool.submit(foo, thread_id))
        if len(in_flight) > BOUND:
            use(in_flight.popleft().result())
    for future in in_flight:
        use(future.result())


def run_scenario(run: Callable[[Pool], None]) -> tuple[int, int]:
    """Run all tasks; return how far reading was ahead of using, and the total."""
    global read, used, ahead, total
    read = used = ahead = total = 0
    if tracemalloc:
        tracemalloc.start()
    started = time.perf_counter()
    with Pool(THREADS) as pool:
        run(pool)
    said = f"{used:,} results in {time.perf_counter() - started:.1f}s"
    if tracemalloc:
        said += f", {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB"
        tracemalloc.stop()

    said += f", reading ahead by {ahead:,}"
    if ahead <= AHEAD:
        LOGGER.info(f"{said}, congratulations!")
    else:
        LOGGER.warning(f"{said} but should be {AHEAD} at most!")
    return ahead, total


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running submit scenario!")
    outcomes = [run_scenario(submit_all)]
    LOGGER.info("")

    LOGGER.info("Running map scenario!")
    outcomes += [run_scenario(map_all)]
    LOGGER.info("")

    LOGGER.info("Running semaphore scenario!")
    outcomes += [run_scenario(submit_with_semaphore)]
    LOGGER.info("")

    LOGGER.info("Running wait scenario!")
    outcomes += [run_scenario(submit_with_wait)]
    LOGGER.info("")

    LOGGER.info("Running map with buffersize scenario!")
    outcomes += [run_scenario(map_with_buffersize)]
    LOGGER.info("")

    # The first two read the whole input ahead, and the others no more than they should.
    aheads, totals = zip(*outcomes, strict=True)
    if len(set(totals)) > 1:
        LOGGER.warning(f"The totals should be the same: {totals}!")
        return 1
    LOGGER.info(f"All ways have the same total: {total:,}, congratulations!")
    return 0 if min(aheads[:2]) == TASKS and max(aheads[2:]) <= AHEAD else 1


if __name__ == "__main__":
    raise SystemExit(main())
