"""Without the lock updates get lost, with it none; all else is the same."""

import threading
from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest
from conftest import RunAsUser
from helpers import messages, split_by_speaker

SCRIPT = "multithreaded-locks.py"
FOOS = ["foo_without_locks", "foo_with_locks"]


@pytest.fixture
def locks(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script as a module."""
    return load_script(SCRIPT)


def test_the_unlocked_count_does_not_end_at_0(
    locks: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    count = locks.run_scenario(locks.foo_without_locks)
    assert count != 0
    assert caplog.messages[-1] == f"Count is: {count} but should be 0!"
    assert caplog.records[-1].levelname == "WARNING"


def test_the_locked_count_ends_at_0(
    locks: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    assert locks.run_scenario(locks.foo_with_locks) == 0
    assert caplog.messages[-1] == "Count is 0, congratulations!"


def test_one_thread_adds_1_and_the_other_takes_1_away(
    locks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "count", 10)
    locks.change_count(0, 1)
    assert locks.count == 11
    locks.change_count(1, 1)
    assert locks.count == 10


@pytest.mark.parametrize("foo", FOOS)
def test_both_scenarios_do_the_same_operations(
    locks: ModuleType, monkeypatch: pytest.MonkeyPatch, foo: str
) -> None:
    done: Counter[int] = Counter()
    locked = set()

    def note(thread_id: int, operation: int) -> None:
        assert operation == done[thread_id]
        done[thread_id] += 1
        locked.add(locks.LOCK.locked())

    monkeypatch.setattr(locks, "change_count", note)
    locks.run_scenario(getattr(locks, foo))

    assert done == {0: 200_000, 1: 200_000}
    assert locked == {foo == "foo_with_locks"}


def test_the_lock_keeps_the_other_thread_out(
    locks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = set()
    seen = []
    change_count = locks.change_count

    def watch(thread_id: int, operation: int) -> None:
        inside.add(thread_id)
        change_count(thread_id, operation)
        seen.append(len(inside))
        inside.remove(thread_id)

    monkeypatch.setattr(locks, "change_count", watch)
    monkeypatch.setattr(locks, "OPERATIONS", 1)
    locks.run_scenario(locks.foo_with_locks)
    assert seen == [1, 1]


@pytest.mark.parametrize("foo", FOOS)
def test_both_threads_are_released_together(
    locks: ModuleType, monkeypatch: pytest.MonkeyPatch, foo: str
) -> None:
    released: list[bool] = []
    start = threading.Barrier(2, action=lambda: released.append(True), timeout=10)
    monkeypatch.setattr(locks, "START", start)
    monkeypatch.setattr(locks, "OPERATIONS", 1)
    locks.run_scenario(getattr(locks, foo))
    assert released == [True]


def test_an_exception_in_a_thread_surfaces(
    locks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread_id: int, _: int) -> None:
        raise ValueError(f"thread {thread_id}")

    monkeypatch.setattr(locks, "change_count", fail)
    with pytest.raises(ValueError, match="thread 0"):
        locks.run_scenario(locks.foo_with_locks)


@pytest.mark.parametrize("foo", FOOS)
def test_it_fails_when_both_scenarios_do_the_same(
    locks: ModuleType, monkeypatch: pytest.MonkeyPatch, foo: str
) -> None:
    for name in FOOS:
        monkeypatch.setattr(locks, name, getattr(locks, foo))
    monkeypatch.setattr(locks, "OPERATIONS", 1)
    assert locks.main() == 1


def test_the_log_as_a_user_sees_it(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = messages(run.stdout)
    assert len(log) == 13
    assert log[0] == "Running race condition scenario!"
    expect_both_threads(log[1:5], "foo_without_locks")
    number = int(log[5].removeprefix("Count is: ").removesuffix(" but should be 0!"))
    assert -200_000 <= number <= 200_000
    assert number != 0
    assert log[6:8] == ["", "Running safe scenario!"]
    expect_both_threads(log[8:12], "foo_with_locks")
    assert log[12] == "Count is 0, congratulations!"


def expect_both_threads(lines: list[str], foo: str) -> None:
    """Check that both threads started, together, and finished."""
    assert split_by_speaker(lines) == {
        f"Thread: {thread_id}": [
            f"Thread: {thread_id} started {foo}",
            f"Thread: {thread_id} finished {foo}",
        ]
        for thread_id in (0, 1)
    }
    assert all("started" in line for line in lines[:2])
