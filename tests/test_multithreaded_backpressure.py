"""The bounded ways read only a little ahead, and have the results of the others."""

import threading
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
from conftest import RunAsUser, RunMainWith
from helpers import messages

SCRIPT = "multithreaded-backpressure.py"
UNBOUNDED = ["submit_all", "map_all"]
BOUNDED = ["submit_with_semaphore", "submit_with_wait", "map_with_buffersize"]


@pytest.fixture
def backpressure(
    load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """Return the script as a module, with fewer tasks and a smaller bound."""
    script = load_script(SCRIPT)
    monkeypatch.setattr(script, "TASKS", 200)
    monkeypatch.setattr(script, "BOUND", 10)
    monkeypatch.setattr(script, "AHEAD", 11)
    return script


@pytest.mark.parametrize("run", UNBOUNDED)
def test_the_unbounded_ways_read_everything_first(
    backpressure: ModuleType, caplog: pytest.LogCaptureFixture, run: str
) -> None:
    total = sum(number * number for number in range(200))
    assert backpressure.run_scenario(getattr(backpressure, run)) == (200, total)
    assert caplog.records[-1].levelname == "WARNING"


@pytest.mark.parametrize("run", BOUNDED)
def test_the_bounded_ways_read_no_further_than_they_should(
    backpressure: ModuleType, caplog: pytest.LogCaptureFixture, run: str
) -> None:
    total = sum(number * number for number in range(200))
    ahead, its_total = backpressure.run_scenario(getattr(backpressure, run))
    assert its_total == total
    # They do keep all threads busy.
    assert backpressure.THREADS <= ahead <= 11
    assert caplog.messages[-1].endswith(", congratulations!")


@pytest.mark.parametrize("run", UNBOUNDED + BOUNDED)
def test_no_result_is_lost_where_there_are_fewer_tasks_than_slots(
    backpressure: ModuleType, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    monkeypatch.setattr(backpressure, "TASKS", 3)
    _, total = backpressure.run_scenario(getattr(backpressure, run))
    assert total == 0 + 1 + 4
    assert backpressure.used == 3


@pytest.mark.parametrize("run", UNBOUNDED + BOUNDED)
def test_eight_tasks_run_at_the_same_time(
    backpressure: ModuleType, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    everybody = threading.Barrier(8, timeout=10)
    fake = SimpleNamespace(
        sleep=lambda _: everybody.wait(), perf_counter=time.perf_counter
    )
    monkeypatch.setattr(backpressure, "time", fake)
    backpressure.run_scenario(getattr(backpressure, run))
    assert backpressure.used == 200


def test_map_uses_its_results_in_order(
    backpressure: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in ("map_all", "map_with_buffersize"):
        used: list[int] = []
        monkeypatch.setattr(backpressure, "use", used.append)
        backpressure.run_scenario(getattr(backpressure, run))
        assert used == [number * number for number in range(200)]


@pytest.mark.parametrize("run", ["submit_all", "map_all", "map_with_buffersize"])
def test_an_exception_of_a_task_surfaces(
    backpressure: ModuleType, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    def fail(_: int) -> int:
        raise ValueError("no result")

    monkeypatch.setattr(backpressure, "foo", fail)
    with pytest.raises(ValueError, match="no result"):
        backpressure.run_scenario(getattr(backpressure, run))


def test_tasks_that_fail_give_their_slots_back(
    backpressure: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: int) -> int:
        raise ValueError("no result")

    monkeypatch.setattr(backpressure, "foo", fail)
    ahead, total = backpressure.run_scenario(backpressure.submit_with_semaphore)
    assert (ahead, total) == (200, 0)
    failed = [record for record in caplog.records if record.exc_info]
    assert len(failed) == 200


@pytest.mark.parametrize("on_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_only(
    backpressure: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    on_terminal: bool,
) -> None:
    monkeypatch.setattr(backpressure.sys.stderr, "isatty", lambda: on_terminal)
    backpressure.run_scenario(backpressure.submit_all)
    shown = "100 of 200\r200 of 200\r" if on_terminal else ""
    assert capsys.readouterr().err == shown


def test_it_holds_only_if_the_problem_shows_and_the_solutions_work(
    backpressure: ModuleType, run_main_with: RunMainWith
) -> None:
    held = [(200, 7), (200, 7), (11, 7), (11, 7), (10, 7)]
    assert run_main_with(backpressure, held) == 0
    for number, (ahead, _) in enumerate(held):
        for other in ((ahead, 8), (199 if ahead == 200 else 12, 7)):
            changed = [*held[:number], other, *held[number + 1 :]]
            assert run_main_with(backpressure, changed) == 1


def test_the_waiting_futures_hold_memory(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    said = [message for message in messages(run.stdout) if " results in " in message]
    assert len(said) == 5
    assert all(message.startswith("2,000 results in ") for message in said)
    memory = [
        float(part.removesuffix(" MB"))
        for message in said
        for part in message.split(", ")
        if part.endswith(" MB")
    ]
    # On PyPy there is nothing to measure memory with.
    if memory:
        assert min(memory[:2]) > 5 * max(memory[2:])
