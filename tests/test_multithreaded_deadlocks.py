"""Deadlocks of locks and of a full pool are told and ended; the solutions go on."""

import concurrent.futures
import threading
from collections.abc import Callable
from types import ModuleType

import pytest
from conftest import RunAsUser, RunMainWith
from helpers import messages, split_by_speaker

SCRIPT = "multithreaded-deadlocks.py"


@pytest.fixture
def deadlocks(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """Return the script as a module."""
    return load_script(SCRIPT)


def test_opposite_orders_end_in_a_deadlock_that_is_told(
    deadlocks: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = deadlocks.run_scenario(
        lambda pool: list(pool.map(deadlocks.foo_in_any_order, range(2)))
    )
    assert outcome == (1, 200, 0)
    [told] = [message for message in caplog.messages if "holds" in message]
    assert told == (
        "Thread: 0 should have got B, but "
        "thread 0 holds A, waits for B; thread 1 holds B, waits for A!"
    )
    # Thread 1 got what it waited for when thread 0 had given up.
    assert deadlocks.balances == {"A": 120, "B": 80}


def test_one_order_lets_both_threads_move_their_money(deadlocks: ModuleType) -> None:
    outcome = deadlocks.run_scenario(
        lambda pool: list(pool.map(deadlocks.foo_in_one_order, range(2)))
    )
    assert outcome == (2, 200, 0)
    assert deadlocks.balances == {"A": 110, "B": 90}


def test_in_one_order_no_thread_is_waited_for_that_can_t_come(
    deadlocks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    abort = deadlocks.everybody.abort
    aborted = []

    def note() -> None:
        aborted.append(threading.current_thread())
        abort()

    monkeypatch.setattr(deadlocks.everybody, "abort", note)
    deadlocks.run_scenario(
        lambda pool: list(pool.map(deadlocks.foo_in_one_order, range(2)))
    )
    assert len(aborted) == 1


@pytest.mark.parametrize("foo", ["foo_in_any_order", "foo_in_one_order"])
def test_money_moves_only_while_both_locks_are_held(
    deadlocks: ModuleType, monkeypatch: pytest.MonkeyPatch, foo: str
) -> None:
    move_money = deadlocks.move_money
    held = []

    def watch(thread_id: int) -> None:
        held.append([lock.locked() for lock in deadlocks.LOCKS.values()])
        move_money(thread_id)

    monkeypatch.setattr(deadlocks, "move_money", watch)
    deadlocks.run_scenario(
        lambda pool: list(pool.map(getattr(deadlocks, foo), range(2)))
    )
    assert held == [[True, True]] * (1 if foo == "foo_in_any_order" else 2)
    assert not any(lock.locked() for lock in deadlocks.LOCKS.values())


def test_waiting_for_a_task_of_the_own_full_pool_is_a_deadlock(
    deadlocks: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    assert deadlocks.run_scenario(deadlocks.check_in_same_pool) == (1, 200, 0)
    told = "Thread: 0 should have got its check, which has not even started!"
    assert told in caplog.messages
    # What nobody waits for any more is not run. The rest goes on.
    assert "Thread: 2 started check" not in caplog.messages
    assert "Thread: 3 started check" in caplog.messages


@pytest.mark.parametrize("run", ["check_in_second_pool", "check_first"])
def test_the_solutions_run_every_check(
    deadlocks: ModuleType, caplog: pytest.LogCaptureFixture, run: str
) -> None:
    assert deadlocks.run_scenario(getattr(deadlocks, run)) == (2, 200, 0)
    assert deadlocks.balances == {"A": 110, "B": 90}
    for thread_id in (2, 3):
        assert f"Thread: {thread_id} finished check" in caplog.messages


def test_a_check_says_whether_there_is_money_enough(
    deadlocks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(deadlocks.balances, "A", 9)
    assert not deadlocks.check(2)
    assert deadlocks.check(3)
    assert not deadlocks.foo_after_check(0, enough=False)
    assert deadlocks.balances["A"] == 9


def test_lost_money_is_told(
    deadlocks: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    def lose(_: concurrent.futures.ThreadPoolExecutor) -> list[bool]:
        deadlocks.balances["A"] -= 1
        return [True, True]

    assert deadlocks.run_scenario(lose) == (2, 199, 0)
    assert caplog.records[-1].levelname == "WARNING"


def test_a_thread_that_is_left_is_told(deadlocks: ModuleType) -> None:
    end = threading.Event()
    left = threading.Thread(target=end.wait, name="pool_9")

    def leave(_: concurrent.futures.ThreadPoolExecutor) -> list[bool]:
        left.start()
        return [True, True]

    try:
        assert deadlocks.run_scenario(leave) == (2, 200, 1)
    finally:
        end.set()
        left.join()


def test_it_holds_only_if_the_problems_show_and_the_solutions_work(
    deadlocks: ModuleType, run_main_with: RunMainWith
) -> None:
    stuck, well = (1, 200, 0), (2, 200, 0)
    held = [stuck, well, stuck, well, well]
    assert run_main_with(deadlocks, held) == 0
    for number, outcome in enumerate(held):
        for other in {stuck, well, (1, 199, 0), (2, 200, 1)} - {outcome}:
            changed = [*held[:number], other, *held[number + 1 :]]
            assert run_main_with(deadlocks, changed) == 1


def test_the_log_as_a_user_sees_it(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = split_by_speaker(messages(run.stdout))
    moves = [message for message in log["main"] if message.startswith("Moves")]
    stuck = "Moves: 1, money: 200, threads left: 0 but should be 2, 200, 0!"
    well = "Moves: 2, money: 200, threads left: 0, congratulations!"
    assert moves == [stuck, well, stuck, well, well]
