"""Lose a task's ContextVar value, or copy it.

Problem: a pool's threads have their own contexts, so tasks don't see what you have set.
Solution: run each task in a copy of the context in which it was submitted.

Run: python3 multithreaded-context.py
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context

from common_logging import exit_status, get_logger, report, start_scenario

THREADS = 2
TASKS = 6
LOGGER = get_logger(__name__)

request = ContextVar("request", default="no request")


def query(task_id: int) -> str:
    """Query a database; return the current request, as a log would show it."""
    LOGGER.info(f"Task: {task_id} started query for {request.get()}")
    LOGGER.info(f"Task: {task_id} finished query")
    return request.get()


def submit_without_context(executor: ThreadPoolExecutor, task_id: int) -> Future[str]:
    """Submit a task."""
    return executor.submit(query, task_id)


def submit_with_context(executor: ThreadPoolExecutor, task_id: int) -> Future[str]:
    """Submit a task with a copy of the current context."""
    return executor.submit(copy_context().run, query, task_id)


def run_scenario(
    name: str, submit: Callable[[ThreadPoolExecutor, int], Future[str]]
) -> bool:
    """Run a task for each request; return whether each task knew its request."""
    start_scenario(LOGGER, name)
    futures = []
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        for task_id in range(TASKS):
            request.set(f"request {task_id}")
            futures.append(submit(executor, task_id))
    known = sum(futures[i].result() == f"request {i}" for i in range(TASKS))
    result = f"Tasks that know their request: {known}"
    return report(LOGGER, result, known == TASKS, should_be=TASKS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_context = run_scenario("lost context", submit_without_context)
    with_context = run_scenario("copied context", submit_with_context)
    return exit_status(LOGGER, without_context, with_context)


if __name__ == "__main__":
    raise SystemExit(main())
