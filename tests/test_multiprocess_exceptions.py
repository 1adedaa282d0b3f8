"""Four tasks, of which one goes wrong: what is lost, and what is kept."""

import pytest
from conftest import RunAsUser, RunChanged
from helpers import messages, split_by_speaker

SCRIPT = "multiprocess-exceptions.py"
ALL_KEPT = "Kept results: 3, exceptions: 1, of 4 processes, congratulations!"
ALL_LOST = "Kept results: 0, exceptions: 0 but should be 4 in all!"


def test_what_is_lost_and_what_is_kept(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = split_by_speaker(messages(run.stdout))
    assert log["main"] == [
        "Running exception scenario!",
        "Its traceback came along, as text:",
        ALL_KEPT,
        "",
        "Running fragile exception scenario!",
        ALL_LOST,
        "",
        "Running sturdy exception scenario!",
        ALL_KEPT,
        "",
        "Running crash scenario!",
        ALL_LOST,
        "",
        "Running safe scenario!",
        ALL_KEPT,
    ]
    started, finished, lost = "started foo", "finished foo", "lost with its pool"
    crashed = (
        "raised BrokenProcessPool('A process in the process pool was terminated "
        "abruptly while the future was running or pending.')"
    )
    for process_id in range(4):
        kept = [started, finished]
        again = [started, lost, *kept]
        expected = [*kept, started, lost, *kept, started, lost, *again]
        if process_id == 1:
            error = "started foo", "raised ValueError('no result in process 1')"
            sturdy = "started foo", "raised SturdyError(1, 'no result')"
            expected = [*error, started, lost, *sturdy, started, lost]
            expected += [started, lost, started, crashed]
        worker = f"Process: {process_id}"
        assert log[worker] == [f"{worker} {event}" for event in expected]


def test_the_traceback_comes_along_as_text(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    _, _, text = run.stdout.partition('_RemoteTraceback: \n"""\n')
    text, _, _ = text.partition('"""')
    assert ", in raise_error\n" in text
    assert text.endswith("ValueError: no result in process 1\n")


@pytest.mark.parametrize(
    ("old", "new", "scenario", "verdict"),
    [
        (
            "super().__init__(process_id, reason)",
            "super().__init__(reason)",
            2,
            ALL_LOST,
        ),
        ("    os._exit(1)", "    raise_error(_process_id)", 3, ALL_KEPT),
        ("if process_id not in outcomes:", "if False:", 4, ALL_LOST),
        ("raise FragileError(", "raise SturdyError(", 1, ALL_KEPT),
    ],
    ids=["an argument too few", "no crash", "nothing runs again", "nothing fragile"],
)
def test_it_fails_when_it_is_broken(
    run_changed: RunChanged, old: str, new: str, scenario: int, verdict: str
) -> None:
    run = run_changed(SCRIPT, old, new)
    assert run.returncode == 1
    verdicts = [line for line in messages(run.stdout) if line.startswith("Kept")]
    assert verdicts[scenario] == verdict


def test_an_exception_that_is_swallowed_is_noticed(run_changed: RunChanged) -> None:
    run = run_changed(SCRIPT, "                outcomes[process_id] = error\n", "")
    assert run.returncode == 1
