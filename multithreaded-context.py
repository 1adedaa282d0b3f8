"""Lose a task's ContextVar value, or copy it.

Problem: a value set in a `ContextVar` exists only in the current context. The threads
    of a pool have their own contexts, so their tasks don't see the value.
Solution: run each task in a copy of the context in which it was submitted.

Run: python3 multithreaded-context.py
"""

import concurrent.futures
import contextvars
from collections.abc import Callable

from common_logging import get_logger

THREADS = 2
TASKS = 6
LOGGER = get_logger(__name__)

Future = concurrent.futures.Future[str]
Pool = concurrent.futures.ThreadPoolExecutor

request = contextvars.ContextVar("request", default="no request")


def query(task_id: int) -> str:
    """Query a database; return the current request, as a log would show it."""
    LOGGER.info(f"Task: {task_id} started query for {request.get()}")
    LOGGER.info(f"Task: {task_id} finished query")
    return request.get()


def submit_without_context(executor: Pool, task_id: int) -> Future:
    """Submit a task."""
    return executor.submit(query, task_id)


def submit_with_context(executor: Pool, task_id: int) -> Future:
    """Submit a task with a copy of the current context."""
    return executor.submit(contextvars.copy_context().run, query, task_id)


def run_scenario(submit: Callable[[Pool, int], Future]) -> int:
    """Run a task for each request; return how many tasks knew their request."""
    futures = []
    with Pool(max_workers=THREADS) as executor:
        for task_id in range(TASKS):
            request.set(f"request {task_id}")
            futures.append(submit(executor, task_id))
    known = sum(futures[i].result() == f"request {i}" for i in range(TASKS))
    if known == TASKS:
        LOGGER.info(f"Tasks that know their request: {known}, congratulations!")
    else:
        LOGGER.warning(f"Tasks that know their request: {known} but should be {TASKS}!")
    return known


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running lost context scenario!")
    without_context = run_scenario(submit_without_context)
    LOGGER.info("")

    LOGGER.info("Running copied context scenario!")
    with_context = run_scenario(submit_with_context)

    return 0 if without_context < TASKS and with_context == TASKS else 1


if __name__ == "__main__":
    raise SystemExit(main())
