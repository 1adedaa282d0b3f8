"""Five threads sleep at the same time, and nothing that goes wrong in one is lost."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from conftest import RunAsUser
from helpers import PATIENCE_SECONDS, messages

SCRIPT = "multithreaded-basic.py"


@pytest.fixture
def basic(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script as a module."""
    return load_script(SCRIPT)


def pretend(
    basic: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    sleep: Callable[[int], object],
    took: float,
) -> None:
    """Let all sleeps be as long as can be, go by in another way, and take so long."""
    clock = iter([100.0, 100.0 + took])
    fake = SimpleNamespace(sleep=sleep, perf_counter=lambda: next(clock))
    monkeypatch.setattr(basic, "time", fake)
    monkeypatch.setattr(basic.random, "randint", lambda low, high: high - low)


def test_all_threads_are_inside_foo_at_the_same_time(
    basic: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # In place of the sleep: nobody gets past before all five are here.
    everybody = threading.Barrier(5, timeout=PATIENCE_SECONDS)
    pretend(basic, monkeypatch, sleep=lambda _: everybody.wait(), took=4.04)
    assert basic.main() == 0
    assert {message.split(".")[0] for message in caplog.messages[:5]} == {
        f"Thread: {thread_id} started foo" for thread_id in range(5)
    }
    assert set(caplog.messages[5:10]) == {
        f"Thread: {thread_id} finished foo" for thread_id in range(5)
    }
    assert caplog.messages[10:] == ["Slept 20s in 4.0s, congratulations!"]


def test_it_fails_when_it_takes_longer_than_the_longest_sleep(
    basic: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pretend(basic, monkeypatch, sleep=lambda _: None, took=20.0)
    assert basic.main() == 1
    assert caplog.messages[-1] == "Slept 20s in 20.0s but should be 4s!"
    assert caplog.records[-1].levelname == "WARNING"


def test_an_exception_in_a_thread_surfaces(
    basic: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError("woken up")

    pretend(basic, monkeypatch, sleep=fail, took=4.0)
    with pytest.raises(OSError, match="woken up"):
        basic.main()


def test_threads_finish_in_the_order_of_their_sleeps(
    run_as_user: RunAsUser,
) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = messages(run.stdout)

    sleeps = {}
    for thread_id in range(5):
        [seconds] = [
            seconds
            for seconds in range(5)
            if f"Thread: {thread_id} started foo. Will sleep for: {seconds}s" in log
        ]
        sleeps[f"Thread: {thread_id} finished foo"] = seconds
    finished = [message for message in log if message in sleeps]
    assert len(finished) == 5
    assert [sleeps[message] for message in finished] == sorted(sleeps.values())
    assert log[-1].startswith(f"Slept {sum(sleeps.values())}s in ")
    assert len(log) == 11


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows can't interrupt one process"
)
def test_ctrl_c_ends_it_when_the_sleeps_under_way_are_over(checkout: Path) -> None:
    long_enough = (
        "import random, runpy\n"
        "random.randint = lambda low, high: 1\n"
        f"runpy.run_path({SCRIPT!r}, run_name='__main__')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", long_enough],
        cwd=checkout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    started = [process.stderr.readline() for _ in range(5)]
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=PATIENCE_SECONDS)

    assert all("started foo" in line for line in started)
    assert sorted(messages(rest)) == [
        f"Thread: {thread_id} finished foo" for thread_id in range(5)
    ]
    assert "KeyboardInterrupt\n" in rest
    # An interrupt in the middle of a lock's own work may end in its RuntimeError.
    assert process.returncode != 0
