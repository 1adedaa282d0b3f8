"""Two exceptions of five threads: lost, half lost, and all kept."""

import concurrent.futures
import threading
import traceback
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
from conftest import RunAsUser
from helpers import messages, split_by_speaker

SCRIPT = "multithreaded-exceptions.py"


@pytest.fixture
def exceptions(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script as a module."""
    return load_script(SCRIPT)


def outcomes_of(script: ModuleType, ask: str) -> dict[int, str | Exception]:
    """Return what one way of asking keeps."""
    outcomes: dict[int, str | Exception] = {}
    with concurrent.futures.ThreadPoolExecutor(script.THREADS) as executor:
        getattr(script, ask)(executor, outcomes)
    return outcomes


def as_text(outcomes: dict[int, str | Exception]) -> dict[int, str]:
    """Return outcomes in a form that compares."""
    return {
        thread_id: outcome if isinstance(outcome, str) else repr(outcome)
        for thread_id, outcome in outcomes.items()
    }


def test_unasked_futures_keep_their_exceptions_to_themselves(
    exceptions: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    assert outcomes_of(exceptions, "ask_nothing") == {}
    assert sum("started" in message for message in caplog.messages) == 5
    assert sum("finished" in message for message in caplog.messages) == 3
    assert len(caplog.messages) == 8


def test_map_ends_at_the_first_exception(
    exceptions: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = outcomes_of(exceptions, "ask_map")
    assert as_text(outcomes) == {
        0: "result from thread 0",
        1: "ValueError('no result from thread 1')",
    }
    # The threads after it had results and exceptions too, out of reach by then.
    assert "Thread: 4 finished foo_with_exception" in caplog.messages
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert outcomes[1] is record.exc_info[1]
    frames = traceback.extract_tb(record.exc_info[2])
    assert frames[0].name == "ask_map"
    assert frames[-1].name == "foo_with_exception"


def test_asking_each_future_keeps_every_outcome(
    exceptions: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    assert as_text(outcomes_of(exceptions, "ask_each_future")) == {
        0: "result from thread 0",
        1: "ValueError('no result from thread 1')",
        2: "result from thread 2",
        3: "ValueError('no result from thread 3')",
        4: "result from thread 4",
    }
    for thread_id in (1, 3):
        raised = f"ValueError('no result from thread {thread_id}')"
        assert f"Thread: {thread_id} raised {raised}" in caplog.messages


def test_asking_each_future_keeps_exceptions_of_any_kind(
    exceptions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_key_error(thread_id: int) -> str:
        raise KeyError(thread_id)

    monkeypatch.setattr(exceptions, "foo_with_exception", raise_key_error)
    assert as_text(outcomes_of(exceptions, "ask_each_future")) == {
        thread_id: f"KeyError({thread_id})" for thread_id in range(5)
    }


def test_all_threads_are_inside_foo_at_the_same_time(
    exceptions: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # In place of the sleep: nobody gets past before all five are here.
    everybody = threading.Barrier(5, timeout=10)
    fake = SimpleNamespace(sleep=lambda _: everybody.wait())
    monkeypatch.setattr(exceptions, "time", fake)
    assert exceptions.run_scenario(exceptions.ask_each_future) == 5
    assert caplog.messages[-1] == (
        "Kept results: 3, exceptions: 2, of 5 threads, congratulations!"
    )


@pytest.mark.parametrize("ask", ["ask_nothing", "ask_map", "ask_each_future"])
def test_it_fails_when_all_scenarios_ask_alike(
    exceptions: ModuleType, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    for name in ("ask_nothing", "ask_map", "ask_each_future"):
        monkeypatch.setattr(exceptions, name, getattr(exceptions, ask))
    monkeypatch.setattr(exceptions, "time", SimpleNamespace(sleep=lambda _: None))
    assert exceptions.main() == 1


def test_the_log_as_a_user_sees_it(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("Traceback (most recent call last):") == 1
    assert ", in foo_with_exception\n" in run.stdout

    log = split_by_speaker(messages(run.stdout))
    assert log.pop("main") == [
        "Running lost exceptions scenario!",
        "Kept results: 0, exceptions: 0 but should be 5 in all!",
        "",
        "Running lost results scenario!",
        "map ended here but should have gone on!",
        "Kept results: 1, exceptions: 1 but should be 5 in all!",
        "",
        "Running safe scenario!",
        "Kept results: 3, exceptions: 2, of 5 threads, congratulations!",
    ]
    for thread_id in range(5):
        worker = f"Thread: {thread_id}"
        lines = [f"{worker} started foo_with_exception"]
        if thread_id in (1, 3):
            raised = f"ValueError('no result from thread {thread_id}')"
            lines = [*lines * 3, f"{worker} raised {raised}"]
        else:
            lines = [*lines, f"{worker} finished foo_with_exception"] * 3
        assert log.pop(worker) == lines
    assert log == {}
