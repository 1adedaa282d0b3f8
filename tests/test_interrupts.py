"""Ctrl-C ends every script that starts processes, and leaves none of them behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import (
    PATIENCE_SECONDS,
    ROOT,
    WITHOUT_WORKERS,
    skip_if_it_cannot_run,
    start_python,
)

from common_signals import ignore_interrupts

STARTS_PROCESSES = re.compile(
    r"ProcessPoolExecutor\(|LocalCluster\(|subprocess\.run\(|Popen\("
)
SCRIPTS = sorted(
    path.name
    for path in ROOT.glob("*-*.py")
    if STARTS_PROCESSES.search(path.read_text("utf-8"))
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs process groups")

# What Ctrl-C does at the worst moment: a process has just started, and the pool that
# started it does not know of it yet. As from a terminal, all processes get the signal.
INTERRUPTED_START = """
import multiprocessing.process, os, signal
start = multiprocessing.process.BaseProcess.start
started = []

def start_and_interrupt(process):
    start(process)
    started.append(process)
    if len(started) == 1:
        os.killpg(0, signal.SIGINT)

multiprocessing.process.BaseProcess.start = start_and_interrupt
"""


def read_to_end(program: subprocess.Popen[str]) -> str:
    """Return the rest of a program's log, which ends when all its processes have."""
    try:
        return program.communicate(timeout=PATIENCE_SECONDS)[0]
    except subprocess.TimeoutExpired:
        pytest.fail("it hangs, or has left a process behind")


def test_there_are_such_scripts() -> None:
    assert "multiprocess-basic.py" in SCRIPTS
    assert "distributed-crashes.py" in SCRIPTS
    assert "multithreaded-locks.py" not in SCRIPTS


@posix_only
@pytest.mark.parametrize("script", SCRIPTS)
def test_ctrl_c_while_processes_start_leaves_nothing_behind(
    script: str, folder: Path
) -> None:
    skip_if_it_cannot_run(script)
    (folder / "sitecustomize.py").write_text(INTERRUPTED_START)
    path = {"PYTHONPATH": str(folder)}
    with start_python(ROOT / script, cwd=folder, environment=path) as program:
        log = read_to_end(program)
    # Neither the script nor its processes take notice of it: that is the price.
    # With exit status 2, no core was free.
    assert program.returncode in (0, 2), log
    assert "Traceback" not in log


@posix_only
@pytest.mark.parametrize("script", SCRIPTS)
def test_ctrl_c_while_processes_work_ends_them_all(script: str, folder: Path) -> None:
    skip_if_it_cannot_run(script)
    # Where tasks log nothing, a scenario begins.
    sign = "scenario" if script in WITHOUT_WORKERS else " started "
    with start_python(ROOT / script, cwd=folder) as program:
        assert program.stdout is not None
        next(line for line in program.stdout if sign in line)
        os.killpg(program.pid, signal.SIGINT)
        log = read_to_end(program)
    assert log.count("Traceback") <= 2, log


def test_interrupts_are_ignored_only_meanwhile() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with ignore_interrupts():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(ValueError, match="no"), ignore_interrupts():
        raise ValueError("no")
    assert signal.getsignal(signal.SIGINT) is handler


@posix_only
def test_what_is_started_meanwhile_ignores_them_for_good() -> None:
    program = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    command = [sys.executable, "-c", program]
    with ignore_interrupts():
        started = subprocess.run(command, capture_output=True, text=True, check=True)
    assert started.stdout == "True\n"
