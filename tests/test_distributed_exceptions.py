"""Four tasks, of which one goes wrong: a pool loses all, and a cluster none."""

import re

import pytest
from conftest import RunAsUser, RunChanged
from helpers import messages, needs_distributed, split_by_speaker

pytestmark = needs_distributed

SCRIPT = "distributed-exceptions.py"
ALL_LOST = "Kept results: 0, exceptions: 0 but should be 4 in all!"
ALL_RESULTS = "Kept results: 4, exceptions: 0, of 4 tasks, congratulations!"
ALL_BUT_ONE = "Kept results: 3, exceptions: 1, of 4 tasks, congratulations!"
STARTED = r"started foo in process \d+"


def test_what_is_lost_and_what_is_kept(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = split_by_speaker(messages(run.stdout))
    assert log.pop("main") == [
        "Running pool scenario!",
        ALL_LOST,
        "",
        "Running exception scenario!",
        "Its traceback came along:",
        ALL_BUT_ONE,
        "",
        "Running lost worker scenario!",
        ALL_RESULTS,
        "",
        "Running deadly task scenario!",
        ALL_BUT_ONE,
    ]
    lost, finished = "lost with its pool", "finished foo"
    kept = [STARTED, finished]
    raised = r"raised ValueError\('no result of task 1'\)"
    killed = r"raised KilledWorker\(.*\)"
    for task_id in range(4):
        expected = [STARTED, lost, *kept, *kept, *kept]
        if task_id == 1:
            expected = [STARTED, lost, STARTED, raised, STARTED, *kept]
            expected += [STARTED, STARTED, killed]
        lines = "\n".join(log[f"Task: {task_id}"])
        assert re.fullmatch("\n".join(f"Task: {task_id} {e}" for e in expected), lines)


def test_a_task_runs_again_in_another_process(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    *_, lost, deadly = run.stdout.split(" scenario!\n")
    for scenario in (lost, deadly):
        processes = re.findall(r"Task: 1 started foo in process (\d+)", scenario)
        assert len(set(processes)) == 2


def test_the_traceback_comes_along(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    _, _, text = run.stdout.partition("Traceback (most recent call last):\n")
    text, _, _ = text.partition("ValueError: no result of task 1\n")
    assert re.findall(r'distributed-exceptions\.py", line \d+, in (\w+)', text) == [
        "foo",
        "raise_error",
    ]


@pytest.mark.parametrize(
    ("old", "new", "scenario", "verdict"),
    [
        ("    os._exit(1)", "    raise_error(_task_id)", 0, ALL_BUT_ONE),
        (
            "    if not crashed.is_set():",
            "    if True:",
            2,
            ALL_BUT_ONE,
        ),
        (
            "            outcomes[task_id] = error\n",
            "",
            1,
            "Kept results: 3, exceptions: 0 but should be 4 in all!",
        ),
    ],
    ids=[
        "no crash",
        "a crash each time",
        "nothing kept of an exception",
    ],
)
def test_it_fails_when_a_lesson_is_not_true(
    run_changed: RunChanged, old: str, new: str, scenario: int, verdict: str
) -> None:
    run = run_changed(SCRIPT, old, new)
    assert run.returncode == 1
    verdicts = [line for line in messages(run.stdout) if line.startswith("Kept")]
    assert verdicts[scenario : scenario + 1] == [verdict], run.stdout
