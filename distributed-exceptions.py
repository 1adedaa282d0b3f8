"""Lose a worker with the task that it runs: fatal for a pool, but not for a cluster.

Problem: when a process of a pool dies, all tasks that are not finished are lost.
Solution: a cluster runs what is lost again, on another worker. If that dies as well, it
    is the task's doing: then this task ends with an exception, and all others go on.

Run: python3 distributed-exceptions.py
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["distributed>=2025.1"]
# ///

import concurrent.futures
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Barrier

from common_cluster import dask, distributed, open_client
from common_logging import get_logger
from common_signals import hold_interrupts

TASKS = 4
BAD_TASK = 1
ALLOWED_FAILURES = 1
LOGGER = get_logger(__name__)

Outcomes = dict[int, str | Exception]


def foo(task_id: int, go_wrong: Callable[[int], None]) -> str:
    """Return a result after a while, or go wrong in the midst of one of the tasks."""
    LOGGER.info(f"Task: {task_id} started foo in process {os.getpid()}")
    time.sleep(0.5)
    if task_id == BAD_TASK:
        go_wrong(task_id)
    time.sleep(1)
    LOGGER.info(f"Task: {task_id} finished foo")
    return f"result of task {task_id}"


def raise_error(task_id: int) -> None:
    """Raise an exception."""
    raise ValueError(f"no result of task {task_id}")


def crash(_task_id: int) -> None:
    """End this process on the spot, as a segmentation fault does."""
    os._exit(1)


def crash_once(task_id: int) -> None:
    """Do so the first time only."""
    # An event of the whole cluster: it outlives the process that sets it.
    crashed = distributed.Event("crashed")
    if not crashed.is_set():
        crashed.set()
        crash(task_id)


def run_tasks(
    executor: concurrent.futures.Executor, go_wrong: Callable[[int], None]
) -> Outcomes:
    """Run all tasks at the same time; return the outcomes that are not lost."""
    outcomes: Outcomes = {}
    task_ids = {
        executor.submit(foo, task_id, go_wrong): task_id for task_id in range(TASKS)
    }
    for future in concurrent.futures.as_completed(task_ids):
        task_id = task_ids.pop(future)
        try:
            outcomes[task_id] = future.result()
        except BrokenProcessPool:
            LOGGER.info(f"Task: {task_id} lost with its pool")
        except Exception as error:
            LOGGER.info(f"Task: {task_id} raised {error!r}")
            outcomes[task_id] = error
        # Now nobody holds this future. If somebody did, a cluster would run its task
        # again, should the result be lost with a worker.
        del future
    return outcomes


def meet(everybody: Barrier) -> None:
    """Wait in a process that has just started until all others have started too."""
    # Ctrl-C is for the parent: it could break off a process that holds a pool's lock.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    everybody.wait()


def run_in_pool(go_wrong: Callable[[int], None]) -> Outcomes:
    """Run all tasks in a pool of processes."""
    everybody = multiprocessing.Barrier(TASKS, timeout=20)
    with concurrent.futures.ProcessPoolExecutor(
        TASKS, initializer=meet, initargs=(everybody,)
    ) as executor:
        # A Ctrl-C while a pool starts its processes could leave some behind.
        with hold_interrupts():
            list(executor.map(abs, range(TASKS)))
        return run_tasks(executor, go_wrong)


def run_on_cluster(
    client: distributed.Client, go_wrong: Callable[[int], None]
) -> Outcomes:
    """Run all tasks on a cluster, when it has a worker for each."""
    client.wait_for_workers(TASKS, timeout=20)
    with client.get_executor(pure=False) as executor:
        return run_tasks(executor, go_wrong)


def report(outcomes: Outcomes) -> bool:
    """Say how many outcomes there are; return whether it is one for each task."""
    exceptions = sum(isinstance(outcome, Exception) for outcome in outcomes.values())
    kept = f"Kept results: {len(outcomes) - exceptions}, exceptions: {exceptions}"
    if len(outcomes) == TASKS:
        LOGGER.info(f"{kept}, of {TASKS} tasks, congratulations!")
    else:
        LOGGER.warning(f"{kept} but should be {TASKS} in all!")
    return len(outcomes) == TASKS


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running pool scenario!")
    pool_kept = report(run_in_pool(crash))
    LOGGER.info("")

    # Read by the cluster when it starts. It is always one of its own, since it loses
    # workers here.
    dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES})
    with open_client(LOGGER, workers=TASKS, threads=1) as client:
        LOGGER.info("Running exception scenario!")
        outcomes = run_on_cluster(client, raise_error)
        error = outcomes.get(BAD_TASK)
        if isinstance(error, ValueError):
            LOGGER.info("Its traceback came along:", exc_info=error)
        exception_kept = report(outcomes)
        LOGGER.info("")

        LOGGER.info("Running lost worker scenario!")
        outcomes = run_on_cluster(client, crash_once)
        lost_kept = (
            report(outcomes) and outcomes[BAD_TASK] == f"result of task {BAD_TASK}"
        )
        LOGGER.info("")

        LOGGER.info("Running deadly task scenario!")
        outcomes = run_on_cluster(client, crash)
        deadly_kept = report(outcomes) and isinstance(
            outcomes[BAD_TASK], distributed.KilledWorker
        )

    solved = exception_kept and lost_kept and deadly_kept
    return 0 if solved and not pool_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
