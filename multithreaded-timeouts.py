"""Time out, cancel and interrupt threads that run on regardless, until they are asked.

Problem: a time-out ends the waiting for a task, but not the task. `cancel` can't end a
    task that runs either, and the `with` statement waits for it at its end.
Solution: an event that asks the running tasks to stop, and a shutdown that cancels the
    others: after a time-out as after Ctrl-C.

Run: python3 multithreaded-timeouts.py
"""

import concurrent.futures
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from common_logging import get_logger
from common_signals import hold_interrupts

THREADS = 2
TASKS = 5
TIMEOUT = 0.05
# How the tasks end if those that run can't be stopped, and if they can.
RAN_ON = Counter({"finished": 3, "stopped": 0, "never started": 2})
STOPPED = Counter({"finished": 1, "stopped": 2, "never started": 2})
LOGGER = get_logger(__name__)

started = threading.Semaphore(0)
given_up = threading.Event()
stop = threading.Event()

Pool = concurrent.futures.ThreadPoolExecutor
Futures = list[concurrent.futures.Future[str]]


def foo_without_stop(thread_id: int, long: bool) -> str:
    """Work; a long task goes on for a while after somebody has given up waiting."""
    LOGGER.info(f"Thread: {thread_id} started foo_without_stop")
    started.release()
    if long:
        given_up.wait(timeout=4)
        time.sleep(0.25)
    LOGGER.info(f"Thread: {thread_id} finished foo_without_stop")
    return "finished"


def foo_with_stop(thread_id: int, long: bool) -> str:
    """Work; a long task would take a minute, but stops when it is asked to."""
    LOGGER.info(f"Thread: {thread_id} started foo_with_stop")
    started.release()
    stopped = stop.wait(60 if long else 0)
    LOGGER.info(f"Thread: {thread_id} finished foo_with_stop. Was stopped: {stopped}")
    return "stopped" if stopped else "finished"


def wait_with_timeout(futures: Futures, _: list[int]) -> None:
    """Wait for a task that takes longer than the time-out."""
    futures[1].result(timeout=TIMEOUT)


def wait_with_ctrl_c(futures: Futures, interrupts: list[int]) -> None:
    """Wait for all tasks, or until Ctrl-C, which the script itself sends here."""
    signal.raise_signal(signal.SIGINT)
    # Where interrupts are held, waiting goes on in spite of them: so wait bit by bit.
    while concurrent.futures.wait(futures, timeout=0.05).not_done:
        if interrupts:
            interrupts.pop()
            raise KeyboardInterrupt


def end_by_cancel(_: Pool, futures: Futures) -> None:
    """Cancel all tasks, or try to."""
    for thread_id, future in enumerate(futures):
        LOGGER.info(f"Thread: {thread_id} cancelled: {future.cancel()}")


def end_by_stop(pool: Pool, _: Futures) -> None:
    """Ask the running tasks to stop, and cancel the others."""
    stop.set()
    pool.shutdown(wait=True, cancel_futures=True)


def run_scenario(
    foo: Callable[[int, bool], str],
    wait: Callable[[Futures, list[int]], None],
    end: Callable[[Pool, Futures], None],
) -> Counter[str]:
    """Run tasks, and end them when waiting for them fails; return how they ended."""
    given_up.clear()
    stop.clear()
    # Ctrl-C waits too: it could come while a lock of the pool is held, and keep it so.
    with hold_interrupts() as interrupts:
        with Pool(THREADS) as pool:
            # Task 0 is not long: it finishes, and leaves its thread to task 2.
            futures = [
                pool.submit(foo, thread_id, thread_id > 0) for thread_id in range(TASKS)
            ]
            for _ in range(THREADS + 1):
                started.acquire(timeout=4)
            try:
                wait(futures, interrupts)
            except (TimeoutError, KeyboardInterrupt) as error:
                LOGGER.info(f"{type(error).__name__}, so the tasks should end")
            given_up.set()
            asked = time.perf_counter()
            end(pool, futures)
        return report(futures, time.perf_counter() - asked)


def report(futures: Futures, seconds: float) -> Counter[str]:
    """Say how the tasks ended, so many seconds after they were asked to; return it."""
    outcomes = Counter(
        "never started" if future.cancelled() else future.result() for future in futures
    )
    ended = ", ".join(f"{outcomes[kind]} {kind}" for kind in STOPPED)
    if outcomes == STOPPED:
        LOGGER.info(f"After {seconds:.2f}s: {ended}, congratulations!")
    else:
        LOGGER.warning(f"After {seconds:.2f}s: {ended} but should have stopped 2!")
    return outcomes


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    try:
        LOGGER.info("Running time-out scenario!")
        ran_on = run_scenario(foo_without_stop, wait_with_timeout, end_by_cancel)
        LOGGER.info("")

        LOGGER.info("Running stop after time-out scenario!")
        timed_out = run_scenario(foo_with_stop, wait_with_timeout, end_by_stop)
        LOGGER.info("")

        LOGGER.info("Running stop after Ctrl-C scenario!")
        interrupted = run_scenario(foo_with_stop, wait_with_ctrl_c, end_by_stop)
    except KeyboardInterrupt:
        return 130

    return 0 if ran_on == RAN_ON and timed_out == interrupted == STOPPED else 1


if __name__ == "__main__":
    raise SystemExit(main())
