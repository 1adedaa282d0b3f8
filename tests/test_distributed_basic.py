"""Five tasks sleep at the same time, on a cluster: one of its own, or another."""

import concurrent.futures
import os
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from conftest import ChangeScript, RunAsUser, RunChanged
from helpers import (
    Cluster,
    end_session,
    messages,
    needs_distributed,
    read_log,
    run_python,
    split_by_speaker,
)

pytestmark = needs_distributed

SCRIPT = "distributed-basic.py"
STARTED = r"Task: (\d) started foo on worker (\S+)\. Will sleep for: (\d+)s"


def check_tasks(
    log: str, workers: set[str], levels: Collection[str] = ("INFO",)
) -> int:
    """Check that each task logs once, on one of the workers; return all seconds."""
    for line in read_log(log):
        assert line.name == "__main__"
        assert line.level in levels
    said = split_by_speaker(messages(log))
    [_] = said.pop("main")
    assert sorted(said) == [f"Task: {task_id}" for task_id in range(5)]
    slept = 0
    for task, lines in said.items():
        [started, finished] = lines
        match = re.fullmatch(STARTED, started)
        assert match is not None, started
        assert match[2] in workers
        assert finished == f"{task} finished foo on worker {match[2]}"
        slept += int(match[3])
    return slept


def test_each_task_logs_once_on_a_worker_here(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    slept = check_tasks(run.stdout, {"0", "1"})
    assert messages(run.stdout)[-1].startswith(f"Slept {slept}s in ")
    assert messages(run.stdout)[-1].endswith("s, congratulations!")


def test_it_fails_when_tasks_run_one_after_another(run_changed: RunChanged) -> None:
    run = run_changed(
        SCRIPT,
        "WORKERS = 2\nTHREADS = 3",
        "WORKERS = 1\nTHREADS = 1\nrandom.randint = lambda low, high: 1",
    )
    last = read_log(run.stdout)[-1]
    assert last.level == "WARNING"
    assert re.fullmatch(r"Slept 5s in \d\.\ds but should be 1s!", last.message)
    assert run.returncode == 1


def test_each_task_logs_once_on_a_worker_elsewhere(
    cluster: Cluster, checkout: Path
) -> None:
    settings = {"DASK_SCHEDULER_ADDRESS": cluster.address}

    def run_there(_: int) -> subprocess.CompletedProcess[str]:
        return run_python(checkout / SCRIPT, cwd=checkout, settings=settings)

    run = run_there(0)
    assert run.returncode == 0, run.stderr
    check_tasks(run.stderr, {"first", "second"})
    # Two at a time can't have their tasks run all at once, but have their own.
    with concurrent.futures.ThreadPoolExecutor() as executor:
        for run in executor.map(run_there, range(2)):
            check_tasks(run.stderr, {"first", "second"}, {"INFO", "WARNING"})
    for name in cluster.workers:
        log = read_log((cluster.logs / f"{name}.log").read_text(encoding="utf-8"))
        assert "__main__" not in {line.name for line in log}


def test_no_task_is_lost_with_a_worker(
    cluster: Cluster, change_script: ChangeScript
) -> None:
    # What runs on the first worker would take longer than this test: but it is killed.
    sleep = "600 if worker == 'first' else 1"
    script = change_script(SCRIPT, "random.randint(0, 4)", sleep)
    lines = []
    with subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "DASK_SCHEDULER_ADDRESS": cluster.address},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as program:
        assert program.stderr is not None
        for line in program.stderr:
            lines.append(line)
            if "on worker first." in line:
                end_session(cluster.workers["first"])
    log = split_by_speaker(messages("".join(lines)))
    assert program.returncode == 0, lines
    # The three threads that are left can't run all at once, which is no failure.
    assert re.fullmatch(r"Slept 5s in \d+\.\ds, congratulations!", log.pop("main")[0])
    again = 0
    for task, said in log.items():
        assert said[-2:] == [
            f"{task} started foo on worker second. Will sleep for: 1s",
            f"{task} finished foo on worker second",
        ]
        again += len(said) > 2
    assert len(log) == 5
    assert again > 0
