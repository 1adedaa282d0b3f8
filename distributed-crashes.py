"""Lose several tasks to a crash, or only one.

Problem: when a process of a pool dies, all tasks that aren't finished are lost.
Solution: on a cluster with one thread for each worker, only the crashing task is lost.

Run: python3 distributed-crashes.py, after python3 -m pip install distributed
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["distributed>=2025.1"]
# ///

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

try:
    import dask
    import distributed
except ImportError:
    print("distributed-crashes.py needs the package distributed", file=sys.stderr)
    raise SystemExit(2) from None

TASKS = 3
CRASHING_TASK = 1
LOGGER = get_logger(__name__)


def convert(task_id: int) -> None:
    """Finish after a while, or crash first, as if from a bug in C code."""
    LOGGER.info(f"Task: {task_id} started convert")
    # Earlier tasks finish at once, and later ones a second after the crash.
    time.sleep(0.7 if task_id == CRASHING_TASK else 1.7 * (task_id > CRASHING_TASK))
    if task_id == CRASHING_TASK:
        os._exit(1)
    LOGGER.info(f"Task: {task_id} finished convert")


def run_tasks(executor: Executor) -> int:
    """Run all tasks; return how many of them finished."""
    finished = 0
    with ignore_interrupts():
        task_ids = {executor.submit(convert, number): number for number in range(TASKS)}
    for future in as_completed(task_ids):
        task_id = task_ids.pop(future)
        try:
            future.result()
            finished += 1
        except (BrokenProcessPool, distributed.KilledWorker) as error:
            LOGGER.info(f"Task: {task_id} raised {type(error).__name__}")
        del future  # Otherwise, a cluster might recompute it.
    return finished


def run_in_pool() -> int:
    """Run all tasks in a pool of processes."""
    with ProcessPoolExecutor(max_workers=TASKS) as executor:
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


def run_scenario(name: str, run: Callable[[], int]) -> bool:
    """Run all tasks; return whether only the crashing one didn't finish."""
    start_scenario(LOGGER, name)
    finished, possible = run(), TASKS - 1
    return report(LOGGER, f"Finished tasks: {finished}", finished == possible, possible)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    in_pool = run_scenario("pool", run_in_pool)
    with tempfile.TemporaryDirectory() as folder:
        dask.config.set({"temporary-directory": folder})
        on_cluster = run_scenario("cluster", run_on_cluster)
    return exit_status(LOGGER, in_pool, on_cluster)


if __name__ == "__main__":
    raise SystemExit(main())
