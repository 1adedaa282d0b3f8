"""Run five sleeping tasks at once on a cluster.

Problem: a pool of threads or processes can use only one machine.
Solution: the executor of a Dask client runs the same tasks on a cluster. The cluster is
    the one that DASK_SCHEDULER_ADDRESS names, or a small one that the script starts.

Run: python3 distributed-basic.py, after python3 -m pip install distributed
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["distributed>=2025.1"]
# ///

import contextlib
import random
import sys
import tempfile
import time
import uuid
from typing import Any

from common_logging import get_logger
from common_signals import ignore_interrupts

try:
    import dask
    import distributed
except ImportError:
    print("distributed-basic.py needs the package distributed", file=sys.stderr)
    raise SystemExit(2) from None

TASKS = 5
# For example, tcp://host:8786. None if it isn't set.
ADDRESS = dask.config.get("scheduler-address", None)
# Only this program's log lines are sent as events with this name.
TOPIC = f"log-{uuid.uuid4()}"
LOGGER = get_logger(__name__)


def send_line(message: str) -> None:
    """Send a log line from a worker, wherever it is, to the program that listens."""
    distributed.get_worker().log_event(TOPIC, message)


def log_line(event: tuple[float, str]) -> None:
    """Log a line that a worker has sent."""
    LOGGER.info(event[1])


def foo(task_id: int) -> int:
    """Sleep for a random whole number of seconds, 0 to 4, and return it."""
    seconds = random.randint(0, 4)
    send_line(f"Task: {task_id} started foo. Will sleep for: {seconds}s")
    time.sleep(seconds)
    send_line(f"Task: {task_id} finished foo")
    return seconds


def find_cluster() -> contextlib.AbstractContextManager[Any]:
    """Return the address of a cluster, or start a small one here."""
    if ADDRESS:
        return contextlib.nullcontext(ADDRESS)
    with ignore_interrupts():
        return distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=3,
            dashboard_address="127.0.0.1:0",
            silence_logs="CRITICAL",
        )


def main() -> int:
    """Run all tasks on a cluster; return 0 if they took no longer than the longest."""
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set({"temporary-directory": folder}),
        find_cluster() as cluster,
        distributed.Client(cluster) as client,
    ):
        client.subscribe_topic(TOPIC, log_line)
        started = time.perf_counter()
        # Without pure=False, Dask may run calls with equal arguments only once.
        with client.get_executor(pure=False) as executor:
            sleeps = list(executor.map(foo, range(TASKS)))
        took = time.perf_counter() - started

    slept = f"Slept {sum(sleeps)}s in {took:.1f}s"
    # A cluster elsewhere may be smaller, or busy.
    if took > max(sleeps) + 1 and not ADDRESS:
        LOGGER.warning(f"{slept} but should be {max(sleeps)}s!")
        return 1
    LOGGER.info(f"{slept}, congratulations!")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
