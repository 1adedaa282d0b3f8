"""Tasks lose their request and find others' notes, unless they have their context."""

import contextvars
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from conftest import RunAsUser, RunMainWith
from helpers import ROOT, messages, run_python

SCRIPT = "multithreaded-context.py"


@pytest.fixture
def context(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script as a module."""
    return load_script(SCRIPT)


def test_tasks_lose_their_request_and_find_notes(
    context: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    own, found = context.run_scenario(
        context.Pool(context.THREADS), context.submit_alone
    )
    inherits = getattr(sys.flags, "thread_inherit_context", 0)
    assert own == (100 if inherits else 0)
    # The first task in each of the four threads finds nothing.
    assert found == 300 - 4
    assert caplog.records[-1].levelname == "WARNING"


@pytest.mark.parametrize(
    ("pool", "submit"),
    [
        ("Pool", "submit_with_context"),
        ("ContextPool", "submit_to_context_pool"),
    ],
)
def test_with_its_context_each_task_has_its_request_and_no_note(
    context: ModuleType, caplog: pytest.LogCaptureFixture, pool: str, submit: str
) -> None:
    outcome = context.run_scenario(
        getattr(context, pool)(context.THREADS), getattr(context, submit)
    )
    assert outcome == (300, 0)
    assert caplog.messages[-1].endswith(", congratulations!")


def test_every_line_has_the_request_of_its_task(context: ModuleType) -> None:
    text = context.run_tasks(context.ContextPool(4), context.submit_to_context_pool)
    assert sorted(text.splitlines()) == sorted(
        f"Request {task // 100}: task {task} found nothing" for task in range(300)
    )


def test_a_context_variable_alone_keeps_no_note_from_the_next_task(
    context: ModuleType,
) -> None:
    _, found = context.run_scenario(context.Pool(4), context.submit_to_context_pool)
    assert found == 300 - 4


def test_the_pool_runs_each_task_in_the_context_of_its_submission(
    context: ModuleType,
) -> None:
    variable = contextvars.ContextVar("variable", default=0)

    def add(number: int, *, to: int = 0) -> int:
        before = variable.get()
        variable.set(-1)
        return before + number + to

    with context.ContextPool(2) as pool:
        variable.set(10)
        future = pool.submit(add, 1, to=100)
        mapped = pool.map(add, range(3))
        variable.set(20)
        assert future.result() == 111
        assert list(mapped) == [10, 11, 12]
        assert pool.submit(add, 1).result() == 21
    assert variable.get() == 20


def test_an_exception_of_a_task_surfaces(context: ModuleType) -> None:
    def submit_nothing(pool: Any, _: int) -> Any:
        return pool.submit(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        context.run_tasks(context.Pool(4), submit_nothing)


def test_the_main_thread_keeps_no_request(context: ModuleType) -> None:
    context.run_scenario(context.Pool(4), context.submit_alone)
    assert context.request_id.get() == "none"


@pytest.mark.skipif(
    not hasattr(sys.flags, "thread_inherit_context"),
    reason="needs Python 3.14, where threads can inherit the context",
)
@pytest.mark.parametrize("inherits", ["0", "1"])
def test_it_holds_whether_threads_inherit_the_context_or_not(inherits: str) -> None:
    option = f"-Xthread_inherit_context={inherits}"
    run = run_python(option, ROOT / SCRIPT, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    own = "100" if inherits == "1" else "0"
    [lost] = [message for message in messages(run.stderr) if "should" in message]
    assert lost.startswith(f"Tasks with their own request: {own}, ")


def test_it_holds_only_if_the_problem_shows_and_the_solutions_work(
    context: ModuleType, run_main_with: RunMainWith
) -> None:
    lost, well = (0, 296), (300, 0)
    for outcomes, status in [
        ([lost, well, well], 0),
        ([(100, 296), well, well], 0),
        ([(300, 296), well, well], 1),
        ([(0, 0), well, well], 1),
        ([lost, lost, well], 1),
        ([lost, well, (299, 0)], 1),
        ([lost, well, (300, 1)], 1),
    ]:
        assert run_main_with(context, outcomes) == status


def test_the_log_as_a_user_sees_it(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = messages(run.stdout)
    safe = log[log.index("Running copied context scenario!") :]
    for request in range(3):
        line = f"Thread: {100 * request} started foo. Request: {request}"
        assert safe.count(line) == 2
