"""On a cluster, near or far: each line comes once, and only one task is lost."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from helpers import (
    ROOT,
    copy_collection,
    read_messages,
    run_python,
    skip_if_it_cannot_run,
    start_python,
)

import run as runner

SCRIPT = "distributed-basic.py"
# What a scheduler of Dask's says when it is ready, and when a worker is.
ADDRESS = re.compile(r"Scheduler at: +(\S+)")
REGISTERED = re.compile(r"Register worker .*name: (\w+)")
LOCAL = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
# Prints on which addresses the script's processes listen, in place of running tasks.
SHOW_PORTS = """import psutil
            me = psutil.Process()
            for process in [me, *me.children(recursive=True)]:
                for connection in process.net_connections():
                    if connection.status == psutil.CONN_LISTEN:
                        LOGGER.info(f"Listens on {connection.laddr.ip}")
            time.sleep(1)"""


@pytest.fixture
def cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and two workers, each a program of its own; give its address.

    What the workers print is in the files `first` and `second` of the folder.
    """
    skip_if_it_cannot_run(SCRIPT)
    with contextlib.ExitStack() as stack:

        def start(stdout: int | IO[str], *arguments: str) -> IO[str] | None:
            command = ["-m", "dask", *arguments, *LOCAL]
            program = start_python(*command, cwd=folder, stdout=stdout)
            return stack.enter_context(program).stdout

        said = start(subprocess.PIPE, "scheduler", "--port", "0")
        assert said is not None
        address = next(filter(None, map(ADDRESS.search, said)))[1]
        for name in ("first", "second"):
            log = stack.enter_context((folder / name).open("w", encoding="utf-8"))
            start(log, "worker", address, "--name", name, "--nthreads", "3")
        there = filter(None, map(REGISTERED.search, said))
        assert {next(there)[1], next(there)[1]} == {"first", "second"}
        yield address


def test_a_distant_clusters_lines_come_here_once(cluster: str, folder: Path) -> None:
    environment = {"DASK_SCHEDULER_ADDRESS": cluster}
    for _ in range(2):
        run = run_python(ROOT / SCRIPT, cwd=folder, environment=environment)
        assert run.returncode == 0, run.stdout
        _, _, on_cluster = run.stdout.partition("Running cluster scenario!\n")
        *lines, last = read_messages(on_cluster)
        assert sorted(line.partition(" foo")[0] for line in lines) == [
            f"Task: {task} {event}"
            for task in range(5)
            for event in ("finished", "started")
        ]
        assert last.endswith("congratulations!")
    for name in ("first", "second"):
        assert "foo" not in (folder / name).read_text("utf-8")


def test_a_cluster_here_listens_to_this_machine_only(folder: Path) -> None:
    skip_if_it_cannot_run(SCRIPT)
    change = ("list(executor.map(foo, range(TASKS)))", SHOW_PORTS)
    run = run_python(copy_collection(folder, SCRIPT, change), cwd=folder)
    assert "Traceback" not in run.stdout
    assert set(re.findall(r"Listens on (\S+)", run.stdout)) == {"127.0.0.1"}


def test_only_the_task_that_kills_its_workers_is_lost(folder: Path) -> None:
    script = "distributed-crashes.py"
    skip_if_it_cannot_run(script)
    run = run_python(ROOT / script, cwd=folder)
    _, _, on_cluster = run.stdout.partition("Running cluster scenario!")
    events = read_messages(on_cluster)
    assert events.count("Task: 1 started convert") == 2
    for once in ("1 raised KilledWorker", "0 finished convert", "2 finished convert"):
        assert events.count(f"Task: {once}") == 1


def test_it_leaves_no_file_behind(folder: Path) -> None:
    skip_if_it_cannot_run(SCRIPT)
    run = run_python(ROOT / SCRIPT, cwd=folder, environment={"TMPDIR": str(folder)})
    assert run.returncode == 0, run.stdout
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "script",
    [path.name for path in ROOT.glob("*-*.py") if "# /// script" in path.read_text()],
)
def test_what_is_missing_is_told_in_one_line(script: str, folder: Path) -> None:
    if script.startswith("distributed-"):
        (folder / "distributed.py").write_text("raise ModuleNotFoundError")
    elif not runner.skip_reason(ROOT / script):
        pytest.skip("this Python has interpreters")
    run = run_python(ROOT / script, cwd=folder, environment={"PYTHONPATH": str(folder)})
    assert run.returncode == 2
    assert re.fullmatch(rf"{script} needs .*\n", run.stdout)
