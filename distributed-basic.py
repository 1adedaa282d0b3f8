"""Run five tasks on one machine, then on three.

Problem: a pool uses only one machine, which runs only some tasks at a time.
Solution: the executor of a Dask client runs the same tasks on a cluster of machines.

Run: python3 distributed-basic.py, after python3 -m pip install distributed
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["distributed>=2025.1"]
# ///

import contextlib
import sys
import tempfile
import time
import uuid
from typing import Any

from common_logging import exit_status, get_logger, not_shown, report, start_scenario
from common_signals import ignore_interrupts

try:
    import dask
    import distributed
except ImportError:
    print("distributed-basic.py needs the package distributed", file=sys.stderr)
    raise SystemExit(2) from None

MACHINES = 3
TASKS_PER_MACHINE = 2
TASKS = MACHINES * TASKS_PER_MACHINE - 1
# The address in DASK_SCHEDULER_ADDRESS, for example tcp://host:8786, or None.
ADDRESS = dask.config.get("scheduler-address", None)
# Only this program's log lines are sent as events with this name.
TOPIC = f"log-{uuid.uuid4()}"
LOGGER = get_logger(__name__)


def foo(task_id: int) -> None:
    """Sleep for a second, and send log lines to the program that listens."""
    worker = distributed.get_worker()
    worker.log_event(TOPIC, f"Task: {task_id} started foo")
    time.sleep(1)
    worker.log_event(TOPIC, f"Task: {task_id} finished foo")


def start_machines(number: int) -> contextlib.AbstractContextManager[Any]:
    """Start a cluster of some worker processes on this machine."""
    with ignore_interrupts():
        return distributed.LocalCluster(
            n_workers=number,
            threads_per_worker=TASKS_PER_MACHINE,
            dashboard_address="127.0.0.1:0",
            silence_logs="CRITICAL",
        )


def run_scenario(name: str, cluster: contextlib.AbstractContextManager[Any]) -> bool:
    """Run all tasks on a cluster; return whether all ran at the same time."""
    start_scenario(LOGGER, name)
    with cluster as address, distributed.Client(address) as client:
        client.subscribe_topic(TOPIC, lambda event: LOGGER.info(event[1]))
        started = time.perf_counter()
        # Without pure=False, Dask may run calls with equal arguments only once.
        with client.get_executor(pure=False) as executor:
            list(executor.map(foo, range(TASKS)))
        took = time.perf_counter() - started
    # If any task had to wait for another one, they took two seconds or more.
    return report(LOGGER, f"Slept {TASKS}s in {took:.1f}s", int(took) == 1, "about 1s")


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with tempfile.TemporaryDirectory() as folder:
        dask.config.set({"temporary-directory": folder})
        one = run_scenario("one machine", start_machines(1))
        cluster = ADDRESS and contextlib.nullcontext(ADDRESS)
        three = run_scenario("cluster", cluster or start_machines(MACHINES))
    if ADDRESS and not three:
        return not_shown(LOGGER, f"the cluster has fewer than {TASKS} free threads")
    return exit_status(LOGGER, one, three)


if __name__ == "__main__":
    raise SystemExit(main())
