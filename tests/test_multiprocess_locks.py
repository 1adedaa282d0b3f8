"""Two processes count: in copies, with lost updates, and rightly under the lock."""

import re

import pytest
from conftest import RunAsUser, RunChanged
from helpers import messages, split_by_speaker

SCRIPT = "multiprocess-locks.py"


def test_the_log_as_a_user_sees_it(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = split_by_speaker(messages(run.stdout))
    main = log.pop("main")
    number = re.fullmatch(r"Count is: (-?\d+) but should be 0!", main.pop(4))
    assert number is not None
    assert int(number[1]) != 0
    assert main == [
        "Running own copies scenario!",
        "Counts are: [200000, -200000], the parent's 0, but should be one!",
        "",
        "Running race condition scenario!",
        "",
        "Running safe scenario!",
        "Count is 0, congratulations!",
    ]
    assert log == {
        f"Process: {process_id}": [
            f"Process: {process_id} {event} {foo}"
            for foo in ("foo_with_global", "foo_without_locks", "foo_with_locks")
            for event in ("started", "finished")
        ]
        for process_id in (0, 1)
    }


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        ("with shared_count.get_lock():", "if True:", "Count is: "),
        ("STEPS = (1, -1)", "STEPS = (1, 1)", "Count is: 400000 but should be 0!"),
    ],
    ids=["no lock", "wrong sign"],
)
def test_it_fails_when_the_solution_is_broken(
    run_changed: RunChanged, old: str, new: str, warning: str
) -> None:
    run = run_changed(SCRIPT, old, new)
    assert run.returncode == 1
    assert warning in messages(run.stdout)[-1]


def test_it_fails_when_the_copies_are_not_shown(run_changed: RunChanged) -> None:
    run = run_changed(SCRIPT, "        count += STEPS[process_id]\n", "        pass\n")
    assert run.returncode == 1


def test_it_fails_when_the_race_does_not_show(run_changed: RunChanged) -> None:
    race = "run_scenario(foo_without_locks)"
    run = run_changed(SCRIPT, race, "run_scenario(foo_with_locks)")
    assert run.returncode == 1
