"""What several test files need to run scripts and to read their logs."""

import contextlib
import importlib.util
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
# No run of a script takes this long. It only keeps a test from waiting for ever.
PATIENCE_SECONDS = 60

needs_distributed = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="needs the package distributed",
)

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (?P<name>\S+) - (?P<level>[A-Z]+) - "
    r"(?P<message>.*)"
)
WORKER = re.compile(r"(?P<worker>[A-Z][a-z]+: \d+) (?P<rest>.*)")


class Line(NamedTuple):
    """A log line without its time."""

    name: str
    level: str
    message: str


class Example(NamedTuple):
    """A console block of the README: a command and what it printed."""

    command: str
    output: str

    def methods(self) -> list[str]:
        """Return the start methods to run it with; "" stands for the usual one."""
        scripts = re.findall(r"\S+-\S+\.py", self.command)
        if not any(opens_process_pool(script) for script in scripts):
            return [""]
        return ["", *multiprocessing.get_all_start_methods()]


def opens_process_pool(script: str) -> bool:
    """Return whether a script starts processes whose start method can be chosen."""
    return "ProcessPoolExecutor" in (ROOT / script).read_text(encoding="utf-8")


class Cluster(NamedTuple):
    """A scheduler and workers, each a program of its own, as `dask` starts them."""

    address: str
    workers: dict[str, subprocess.Popen[str]]
    logs: Path


def read_log(text: str) -> list[Line]:
    """Return the log lines of a text; what is no log line, as in tracebacks, is not."""
    return [Line(**match.groupdict()) for match in LINE.finditer(text)]


def messages(text: str) -> list[str]:
    """Return what the log lines of a text say."""
    return [line.message for line in read_log(text)]


def split_by_speaker(lines: Sequence[str]) -> dict[str, list[str]]:
    """Return what each worker said, in its own order, and under "main" all the rest.

    This is the order that concurrent lines have: only between workers it is free.
    """
    said: dict[str, list[str]] = {}
    for line in lines:
        match = WORKER.search(line)
        said.setdefault(match["worker"] if match else "main", []).append(line)
    return said


def readme_examples() -> list[Example]:
    """Return the console blocks of the README."""
    blocks = re.findall(
        r"^```console\n\$ ([^\n]+)\n(.*?)^```$",
        README.read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    return [Example(command, output) for command, output in blocks]


def run_python(
    *arguments: str | Path,
    cwd: Path,
    stderr: int = subprocess.PIPE,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run this Python in a working folder; return what came of it."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        # Set in many containers, it would hide output that is not flushed in time.
        env={**os.environ, "PYTHONUNBUFFERED": "", **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def interrupt_start(number: int, interrupt: str) -> str:
    """Return a change to Python that interrupts a program at its worst moment.

    It has just started so many processes, and does not know of the last one yet.
    """
    return f"""
import multiprocessing.process, os, signal

started = []
start = multiprocessing.process.BaseProcess.start

def start_and_interrupt(process):
    start(process)
    started.append(process)
    if len(started) == {number}:
        {interrupt}

multiprocessing.process.BaseProcess.start = start_and_interrupt
"""


def end_session(program: subprocess.Popen[str]) -> None:
    """End what is left of a program that was started in a session of its own."""
    if os.name == "nt":
        program.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, signal.SIGKILL)
