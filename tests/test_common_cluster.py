"""A cluster is found or started, brings home the logs of its tasks, and ends whole."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ChangeScript, RunInterrupted
from helpers import (
    ROOT,
    Cluster,
    end_session,
    interrupt_start,
    messages,
    needs_distributed,
    run_python,
)

from run import find_scripts

SCRIPT = "distributed-basic.py"
SCRIPTS = [
    script.path.name
    for script in find_scripts()
    if script.path.stem.startswith("distributed-")
]

START = """
import distributed, json, logging, os, signal
from common_cluster import open_client
from common_logging import get_logger

LOGGER = get_logger(__name__)

def log(text):
    LOGGER.info(text)
    return text

def submit(client, task, *arguments):
    return client.get_executor(pure=False).submit(task, *arguments).result()
"""

TELL_PORTS = """
if __name__ == "__main__":
    import psutil
    with open_client(LOGGER, workers=2, threads=1) as client:
        me = psutil.Process()
        listening = [
            (connection.laddr.ip, process.pid)
            for process in [me, *me.children(recursive=True)]
            for connection in process.net_connections("all")
            if connection.status == psutil.CONN_LISTEN
        ]
        workers = client.run(os.getpid)
    print(json.dumps([listening, list(workers.values())]))
"""

INTERRUPT_WORKERS = """
def die_once():
    died = distributed.Event("died")
    if not died.is_set():
        died.set()
        os._exit(1)

if __name__ == "__main__":
    with open_client(LOGGER, workers=2, threads=1) as client:
        # One of the workers shall be another than those that were started first.
        submit(client, die_once)
        client.wait_for_workers(2, timeout=20)
        for process_id in client.run(os.getpid).values():
            os.kill(process_id, signal.SIGINT)
        # What is blocked stays pending, for ever.
        pending = client.run(signal.sigpending).values()
    print(*(signal.SIGINT in signals for signals in pending))
"""

TWO_CLIENTS = """
if __name__ == "__main__":
    address = os.environ["DASK_SCHEDULER_ADDRESS"]
    with open_client(LOGGER, 0, 0, address) as client:
        with open_client(LOGGER, 0, 0, address) as other:
            submit(client, log, "mine")
            submit(other, log, "the other's")
        submit(client, log, "mine again")
    with distributed.Client(address) as client:
        left = client.run(lambda: vars(logging.getLogger("__main__")))
    for logger in left.values():
        print(logger["handlers"], logger["level"], logger["propagate"])
"""


def run_program(
    folder: Path, program: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that begins as START does, in a folder of its own."""
    path = folder / "program.py"
    path.write_text(START + program, encoding="utf-8")
    settings["PYTHONPATH"] = str(ROOT)
    return run_python(path, cwd=folder, settings=settings)


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_the_package_it_tells_how_to_get_it(
    script: str, tmp_path: Path
) -> None:
    (tmp_path / "distributed.py").write_text("raise ModuleNotFoundError")
    settings = {"PYTHONPATH": str(tmp_path)}
    run = run_python(ROOT / script, cwd=tmp_path, settings=settings)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == (
        f"{script} needs the package distributed: "
        f"python3 -m pip install distributed, or uv run {script}\n"
    )


@pytest.fixture
def run_impatiently(change_script: ChangeScript) -> Callable[[str], str]:
    """Return a function that runs a script which soon gives up to find a cluster.

    It returns the one line that the script says then.
    """
    folder = change_script(
        "common_cluster.py", "PATIENCE_SECONDS = 10\n", "PATIENCE_SECONDS = 1\n"
    ).parent

    def run(address: str) -> str:
        settings = {"DASK_SCHEDULER_ADDRESS": address, "PYTHONPATH": str(folder)}
        run = run_python(folder / SCRIPT, cwd=folder, settings=settings)
        assert run.returncode == 2, run.stderr
        assert run.stdout == ""
        [line] = run.stderr.splitlines()
        return line

    return run


@needs_distributed
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "it does not answer"),
        ("8786", "expected str, got 'int'"),
        ("pigeon://127.0.0.1:8786", "unknown address scheme 'pigeon'"),
    ],
)
def test_where_no_cluster_is_it_tells_so(
    address: str, reason: str, run_impatiently: Callable[[str], str]
) -> None:
    told = run_impatiently(address)
    assert told.startswith(f"{SCRIPT}: can't use {address}: {reason}")


@needs_distributed
def test_who_is_silent_is_no_cluster(run_impatiently: Callable[[str], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        told = run_impatiently(address)
    assert told == f"{SCRIPT}: can't use {address}: it does not answer"


@needs_distributed
def test_a_cluster_without_workers_is_none(
    cluster: Cluster, run_impatiently: Callable[[str], str]
) -> None:
    for worker in cluster.workers.values():
        end_session(worker)
    told = run_impatiently(cluster.address)
    assert told.startswith(f"{SCRIPT}: can't use {cluster.address}: Only 0/1 workers")


@needs_distributed
def test_code_is_not_sent_to_another_python(
    cluster: Cluster, run_impatiently: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import platform; platform.python_version_tuple = lambda: ('3', '99', '0')"
    )
    told = run_impatiently(cluster.address)
    here = ".".join(map(str, sys.version_info[:2]))
    assert told == (
        f"{SCRIPT}: can't use {cluster.address}: "
        f"a worker has Python {here}, but this is 3.99"
    )


@needs_distributed
def test_a_cluster_here_listens_to_this_machine_only(tmp_path: Path) -> None:
    run = run_program(tmp_path, TELL_PORTS)
    assert run.returncode == 0, run.stderr
    listening, workers = json.loads(run.stdout)
    assert len(workers) == 2
    assert set(workers) < {process_id for _, process_id in listening}
    assert {address for address, _ in listening} == {"127.0.0.1"}


@needs_distributed
def test_a_cluster_here_leaves_no_file_behind(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    run = run_program(tmp_path, TELL_PORTS, TMPDIR=str(folder), TEMP=str(folder))
    assert run.returncode == 0, run.stderr
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "program.py",
        "temporary",
    ]


@needs_distributed
@pytest.mark.skipif(
    os.name == "nt", reason="a console gives Ctrl-C to all its processes"
)
def test_workers_here_take_no_notice_of_ctrl_c(tmp_path: Path) -> None:
    run = run_program(tmp_path, INTERRUPT_WORKERS)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "True True\n"


@needs_distributed
@pytest.mark.skipif(
    os.name == "nt", reason="a console gives Ctrl-C to all its processes"
)
@pytest.mark.parametrize("number", [1, 2])
def test_ctrl_c_while_a_cluster_starts_leaves_nothing_behind(
    number: int, run_interrupted: RunInterrupted
) -> None:
    # The worker's process that was just started hears of it as well.
    change = interrupt_start(number, "os.killpg(os.getpgrp(), signal.SIGINT)")
    status, log = run_interrupted(SCRIPT, change)
    assert status != 0
    assert "\nKeyboardInterrupt" in log
    assert "started foo" not in log


@needs_distributed
def test_each_client_has_the_logs_of_its_own_tasks(
    cluster: Cluster, tmp_path: Path
) -> None:
    run = run_program(tmp_path, TWO_CLIENTS, DASK_SCHEDULER_ADDRESS=cluster.address)
    assert run.returncode == 0, run.stderr
    assert messages(run.stderr) == ["mine", "the other's", "mine again"]
    assert run.stdout == "[] 0 True\n" * 2, "a worker's logger was left changed"
