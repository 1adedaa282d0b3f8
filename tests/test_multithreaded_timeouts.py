"""What is not asked to stop runs on; what is asked stops, after Ctrl-C too."""

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from conftest import RunAsUser, RunMainWith
from helpers import PATIENCE_SECONDS, messages, split_by_speaker

SCRIPT = "multithreaded-timeouts.py"
PLACES = ["time-out", "after time-out", "after Ctrl-C"]


@pytest.fixture
def timeouts(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script as a module."""
    return load_script(SCRIPT)


@pytest.mark.parametrize("timeout", [0.05, 0.5])
def test_a_task_runs_on_after_its_time_out_however_late_that_comes(
    timeouts: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    timeout: float,
) -> None:
    monkeypatch.setattr(timeouts, "TIMEOUT", timeout)
    outcomes = timeouts.run_scenario(
        timeouts.foo_without_stop, timeouts.wait_with_timeout, timeouts.end_by_cancel
    )
    assert outcomes == Counter({"finished": 3, "never started": 2})
    timed_out = caplog.messages.index("TimeoutError, so the tasks should end")
    for thread_id in (1, 2):
        finished = f"Thread: {thread_id} finished foo_without_stop"
        assert caplog.messages.index(finished) > timed_out
    cancelled = [message for message in caplog.messages if "cancelled" in message]
    assert cancelled == [
        f"Thread: {thread_id} cancelled: {thread_id > 2}" for thread_id in range(5)
    ]
    assert caplog.records[-1].levelname == "WARNING"


@pytest.mark.parametrize(
    ("wait", "came"),
    [
        ("wait_with_timeout", "TimeoutError"),
        ("wait_with_ctrl_c", "KeyboardInterrupt"),
    ],
)
def test_running_tasks_stop_and_the_others_never_start(
    timeouts: ModuleType, caplog: pytest.LogCaptureFixture, wait: str, came: str
) -> None:
    outcomes = timeouts.run_scenario(
        timeouts.foo_with_stop, getattr(timeouts, wait), timeouts.end_by_stop
    )
    assert outcomes == Counter({"finished": 1, "stopped": 2, "never started": 2})
    assert f"{came}, so the tasks should end" in caplog.messages
    assert caplog.messages[-1].endswith(
        "1 finished, 2 stopped, 2 never started, congratulations!"
    )


def test_no_thread_is_left_when_a_scenario_has_ended(timeouts: ModuleType) -> None:
    before = set(threading.enumerate())
    timeouts.run_scenario(
        timeouts.foo_with_stop, timeouts.wait_with_timeout, timeouts.end_by_stop
    )
    assert [
        thread
        for thread in set(threading.enumerate()) - before
        if thread.name.startswith("ThreadPoolExecutor")
    ] == []


def test_ctrl_c_of_a_user_ends_it_at_the_end_of_a_scenario(
    timeouts: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wait = timeouts.wait_with_timeout

    def press(futures: object, interrupts: object) -> None:
        signal.raise_signal(signal.SIGINT)
        wait(futures, interrupts)

    monkeypatch.setattr(timeouts, "wait_with_timeout", press)
    assert timeouts.main() == 130
    # Every task of the scenario is accounted for, and there was no further one.
    assert "3 finished, 0 stopped, 2 never started" in caplog.messages[-1]


def test_a_second_ctrl_c_is_not_taken_for_that_of_the_script(
    timeouts: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = timeouts.wait_with_ctrl_c

    def press(futures: object, interrupts: object) -> None:
        signal.raise_signal(signal.SIGINT)
        wait(futures, interrupts)

    monkeypatch.setattr(timeouts, "wait_with_ctrl_c", press)
    assert timeouts.main() == 130


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't interrupt one process"
)
@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_from_outside_ends_it_without_a_traceback(
    checkout: Path, place: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, checkout / SCRIPT], stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stderr is not None
    log = ""
    while f"{place} scenario!" not in log:
        log += process.stderr.readline()
    log += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    log += process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=PATIENCE_SECONDS) == 130
    assert "Traceback" not in log
    # Every task was counted, in this scenario and in those before, and none came after.
    ended = [line for line in messages(log) if line.startswith("After ")]
    assert len(ended) == PLACES.index(place) + 1
    assert messages(log)[-1] == ended[-1]
    workers = split_by_speaker(messages(log))
    workers.pop("main")
    for lines in workers.values():
        started = sum("started" in line for line in lines)
        assert started == sum("finished" in line for line in lines)


def test_it_holds_only_if_the_problem_shows_and_the_solution_works(
    timeouts: ModuleType, run_main_with: RunMainWith
) -> None:
    ran_on, stopped = timeouts.RAN_ON, timeouts.STOPPED
    for outcomes, status in [
        ([ran_on, stopped, stopped], 0),
        ([stopped, stopped, stopped], 1),
        ([ran_on, ran_on, stopped], 1),
        ([ran_on, stopped, ran_on], 1),
    ]:
        assert run_main_with(timeouts, outcomes) == status


def test_the_log_as_a_user_sees_it(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = messages(run.stdout)
    ended = [message.split(": ")[1] for message in log if message.startswith("After")]
    stopped = "1 finished, 2 stopped, 2 never started, congratulations!"
    ran_on = "3 finished, 0 stopped, 2 never started but should have stopped 2!"
    assert ended == [ran_on, stopped, stopped]
