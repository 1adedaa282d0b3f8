"""Lose several tasks to a crash, or only one.

Problem: when a process of a pool dies, all tasks that aren't finished are lost.
Solution: on a cluster with one thread for each worker, only the crashing task is lost.

Run: python3 distributed-crashes.py, after python3 -m pip install distributed
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["distributed>=2025.1"]
# ///

import concurrent.futures
import os
import sys
import tempfile
import time

from common_logging import get_logger
from common_signals import ignore_interrupts

try:
    import dask
    import distributed
except ImportError:
    print("distributed-crashes.py needs the package distributed", file=sys.stderr)
    raise SystemExit(2) from None

TASKS = 3
CRASHING_TASK = 1
SECONDS = (0, 0.7, 1.7)  # One task finishes before the crash, one after it.
LOGGER = get_logger(__name__)


def convert(task_id: int) -> None:
    """Finish after a while, or crash first, as if from a bug in C code."""
    LOGGER.info(f"Task: {task_id} started convert")
    time.sleep(SECONDS[task_id])
    if task_id == CRASHING_TASK:
        os._exit(1)
    LOGGER.info(f"Task: {task_id} finished convert")


def run_tasks(executor: concurrent.futures.Executor) -> int:
    """Run all tasks; return how many of them finished."""
    finished = 0
    with ignore_interrupts():
        task_ids = {executor.submit(convert, number): number for number in range(TASKS)}
    for future in concurrent.futures.as_completed(task_ids):
        task_id = task_ids.pop(future)
        try:
            future.result()
            finished += 1
        except (concurrent.futures.BrokenExecutor, distributed.KilledWorker) as error:
            LOGGER.info(f"Task: {task_id} raised {type(error).__name__}")
        del future  # Otherwise, a cluster might recompute it.
    if finished == TASKS - 1:
        LOGGER.info(f"Finished tasks: {finished}, congratulations!")
    else:
        LOGGER.warning(f"Finished tasks: {finished} but should be {TASKS - 1}!")
    return finished


def run_in_pool() -> int:
    """Run all tasks in a pool of processes."""
    with concurrent.futures.ProcessPoolExecutor(max_workers=TASKS) as executor:
        return run_tasks(executor)


def run_on_cluster() -> int:
    """Run all tasks on a cluster of workers, which are processes as well."""
    with ignore_interrupts():
        cluster = distributed.LocalCluster(
            n_workers=TASKS,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"allowed_failures": 1},
            silence_logs="CRITICAL",
        )
    with cluster, distributed.Client(cluster) as client:
        return run_tasks(client.get_executor(pure=False))


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running pool scenario!")
    in_pool = run_in_pool()
    LOGGER.info("")

    LOGGER.info("Running cluster scenario!")
    with tempfile.TemporaryDirectory() as folder:
        dask.config.set({"temporary-directory": folder})
        on_cluster = run_on_cluster()

    return 0 if in_pool < TASKS - 1 and on_cluster == TASKS - 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
