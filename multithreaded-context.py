"""Lose in a pool which request a task belongs to, until each task takes it along.

Problem: a `ContextVar` keeps its value for the thread that set it, not for the tasks
    that this thread submits. And what a task leaves in a `threading.local`, the next
    task in its thread finds there, since a pool uses its threads again.
Solution: each task runs in a copy of the context in which it was submitted. A small
    subclass of the executor sees to that for every task.

Run: python3 multithreaded-context.py
"""

import concurrent.futures
import contextvars
import functools
import io
import logging
import re
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from common_logging import get_logger

THREADS = 4
REQUESTS = 3
TASKS = 100
# All tasks should log their own request, and none should find a note of another.
ALL_WELL = (REQUESTS * TASKS, 0)
LINE = re.compile(r"Request (.+): task (\d+) found (.+)")
LOGGER = get_logger(__name__)
# The tasks log to a text, so that their lines can be counted.
TASK_LOGGER = logging.getLogger("tasks")

request_id = contextvars.ContextVar("request_id", default="none")
note = contextvars.ContextVar("note", default="nothing")
local = threading.local()
everybody = threading.Barrier(THREADS)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Pool = concurrent.futures.ThreadPoolExecutor
Future = concurrent.futures.Future[None]


class ContextPool(Pool):
    """A pool in which each task has the context in which it was submitted."""

    def submit(
        self,
        fn: Callable[Arguments, Result],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> concurrent.futures.Future[Result]:
        """Submit a task; `map` comes here too."""
        task = functools.partial(fn, *args, **kwargs)
        return super().submit(contextvars.copy_context().run, task)


def foo_with_local(thread_id: int) -> None:
    """Leave a note in the thread; log what was there before."""
    found = getattr(local, "note", "nothing")
    local.note = f"a note of task {thread_id}"
    log(thread_id, found)


def foo_with_context(thread_id: int) -> None:
    """Leave a note in the context; log what was there before."""
    found = note.get()
    note.set(f"a note of task {thread_id}")
    log(thread_id, found)


def log(thread_id: int, found: str) -> None:
    """Log what a task found; the first task of each request is shown, too."""
    if thread_id % TASKS == 0:
        LOGGER.info(f"Thread: {thread_id} started foo. Request: {request_id.get()}")
    if thread_id < THREADS:
        # So that all threads of the pool start during the first request.
        everybody.wait(timeout=4)
    TASK_LOGGER.info(f"task {thread_id} found {found}")
    if thread_id % TASKS == 0:
        LOGGER.info(f"Thread: {thread_id} finished foo")


def add_request(record: logging.LogRecord) -> bool:
    """Put into a record which request it belongs to, as far as its thread knows."""
    record.request = request_id.get()
    return True


def submit_alone(pool: Pool, thread_id: int) -> Future:
    """Submit a task."""
    return pool.submit(foo_with_local, thread_id)


def submit_with_context(pool: Pool, thread_id: int) -> Future:
    """Submit a task that runs in a copy of the context of this moment."""
    context = contextvars.copy_context()
    return pool.submit(context.run, foo_with_context, thread_id)


def submit_to_context_pool(pool: Pool, thread_id: int) -> Future:
    """Submit a task to a pool that does this for every task."""
    return pool.submit(foo_with_context, thread_id)


def run_tasks(pool: Pool, submit: Callable[[Pool, int], Future]) -> str:
    """Run the tasks of all requests; return the text that they have logged."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("Request %(request)s: %(message)s"))
    handler.addFilter(add_request)
    TASK_LOGGER.handlers = [handler]
    TASK_LOGGER.propagate = False
    TASK_LOGGER.setLevel(logging.INFO)

    futures = []
    with pool:
        for thread_id in range(REQUESTS * TASKS):
            request_id.set(str(thread_id // TASKS))
            futures.append(submit(pool, thread_id))
    request_id.set("none")
    for future in futures:
        future.result()
    return text.getvalue()


def run_scenario(pool: Pool, submit: Callable[[Pool, int], Future]) -> tuple[int, int]:
    """Return how many tasks logged their own request, and how many found a note."""
    lines = LINE.findall(run_tasks(pool, submit))
    own = sum(request == str(int(task) // TASKS) for request, task, _ in lines)
    found = sum(found != "nothing" for _, _, found in lines)
    said = f"Tasks with their own request: {own}, with another task's note: {found}"
    if (own, found) == ALL_WELL:
        LOGGER.info(f"{said}, congratulations!")
    else:
        LOGGER.warning(f"{said} but should be {ALL_WELL[0]} and {ALL_WELL[1]}!")
    return own, found


def main() -> int:
    """Run all scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running lost context scenario!")
    own, found = run_scenario(Pool(THREADS), submit_alone)
    LOGGER.info("")

    LOGGER.info("Running copied context scenario!")
    with_context = run_scenario(Pool(THREADS), submit_with_context)
    LOGGER.info("")

    LOGGER.info("Running context pool scenario!")
    in_context_pool = run_scenario(ContextPool(THREADS), submit_to_context_pool)

    shown = own < ALL_WELL[0] and found > ALL_WELL[1]
    return 0 if shown and with_context == in_context_pool == ALL_WELL else 1


if __name__ == "__main__":
    raise SystemExit(main())
