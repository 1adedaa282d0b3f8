"""What can be sent to a process and what can't, and the missing main guard."""

import pytest
from conftest import RunAsUser, RunChanged
from helpers import messages, read_log

SCRIPT = "multiprocess-pickling.py"


def test_what_is_sent_and_what_is_not(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = read_log(run.stdout)
    warnings = [line.message for line in log if line.level == "WARNING"]
    stayed = ["lambda", "nested function", "object with a lock"]
    for name, warning in zip(stayed, warnings, strict=False):
        assert warning.startswith(f"The {name} should have been sent! ")
    assert "local object" in warnings[0]
    assert "local object" in warnings[1]
    assert warnings[2].endswith("TypeError: cannot pickle '_thread.lock' object")
    assert len(warnings) == 4
    assert warnings[3] == (
        "The program should have printed 42! An attempt has been made to start a new "
        "process before the current process has finished its bootstrapping phase."
    )
    sent = [line.message for line in log if line.message.startswith("The ")]
    assert [message for message in sent if message not in warnings] == [
        "The top-level function was sent, congratulations!",
        "The partial was sent, congratulations!",
        "The user of the initializer's object was sent, congratulations!",
        "The program printed 42, congratulations!",
    ]


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (
            '"top-level function": triple',
            '"top-level function": lambda process_id: 3 * process_id',
            "The top-level function should have been sent!",
        ),
        (
            "initializer=make_multiplier, ",
            "initializer=abs, ",
            "should have been sent!",
        ),
        (
            "run_program('if __name__ == \"__main__\":')",
            "run_program('if not False:')",
            "The program should have printed 42!",
        ),
        ('run_program("if True:")', "not run_program('if True:')", "should have"),
        (
            '"lambda": lambda process_id: multiply(FACTOR, process_id)',
            '"lambda": abs',
            "",
        ),
    ],
    ids=["lambda", "no initializer", "no guard", "guard not missing", "can be pickled"],
)
def test_it_fails_when_it_is_broken(
    run_changed: RunChanged, old: str, new: str, warning: str
) -> None:
    run = run_changed(SCRIPT, old, new)
    assert run.returncode == 1
    assert any(warning in message for message in messages(run.stdout))
