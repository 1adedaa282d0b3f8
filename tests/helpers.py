"""What several test files need: to run scripts, to change them, to read their logs."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO

import pytest

import run
from common_logging import EVENT, LINE, digest

ROOT = Path(__file__).resolve().parents[1]
# No script takes this long. It only keeps a test from waiting for ever.
PATIENCE_SECONDS = 60

# The scripts whose tasks are too many, or too far away, for lines of their own.
WITHOUT_WORKERS = (
    "multithreaded-interleavings.py",
    "multiprocess-chunks.py",
    "multiprocess-guard.py",
)

# How the scenarios of a script end that has only one.
SHOWN = {"multithreaded-basic.py": ["solved"]}

# Unbuffered output, as in many containers, would hide what is not flushed in time. And
# Windows has another encoding where output is no terminal.
ENVIRONMENT = {"PYTHONUNBUFFERED": "", "PYTHONIOENCODING": "utf-8"}
# What `pytest --start-method` adds to the environment of the scripts that tests run.
settings: dict[str, str] = {}


def run_python(
    *arguments: str | Path,
    cwd: Path,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.STDOUT,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run this Python in a folder; return how it ended, with all output in stdout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **ENVIRONMENT, **settings, **environment},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def copy_collection(folder: Path, name: str = "", *changes: tuple[str, str]) -> Path:
    """Copy the collection into a folder, with changes to one of its files.

    Each change replaces a piece of text, which must be there once, by another. Returns
    where the changed file is.
    """
    for path in [*ROOT.glob("*.py"), ROOT / "README.md"]:
        shutil.copy(path, folder)
    if name:
        source = (folder / name).read_text("utf-8")
        for old, new in changes:
            assert source.count(old) == 1, f"not once in {name}: {old}"
            source = source.replace(old, new)
        (folder / name).write_text(source, encoding="utf-8")
    return folder / name


def skip_if_it_cannot_run(script: str) -> None:
    """Skip a test of a script that needs another Python, or a package."""
    if reason := run.skip_reason(ROOT / script):
        pytest.skip(reason)


def read_lines(log: str) -> list[tuple[str, str, str]]:
    """Return the lines of a log, each as its logger's name, its level, its message."""
    return [(name, level, message) for _, name, level, message in LINE.findall(log)]


def read_messages(log: str) -> list[str]:
    """Return what the lines of a log say."""
    return [message for _, _, message in read_lines(log)]


def verdicts(log: str) -> list[str]:
    """Return how each scenario of a log ends, and then what went wrong, if anything."""
    return [verdict for verdict, _, _ in digest(log)]


def split_by_speaker(lines: list[str]) -> dict[str, list[str]]:
    """Return what each worker said, in its own order, and under "main" all the rest.

    This is the order that concurrent lines have: only between workers it is free.
    """
    said: dict[str, list[str]] = {}
    for line in lines:
        event = EVENT.search(line)
        speaker = f"{event[1]}: {event[2]}" if event else "main"
        said.setdefault(speaker, []).append(line)
    return said


@contextlib.contextmanager
def start_python(
    *arguments: str | Path,
    cwd: Path,
    stdout: int | IO[str] = subprocess.PIPE,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[subprocess.Popen[str]]:
    """Start this Python in a session of its own, and in the end kill all of it."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            if os.name == "nt":
                program.kill()
            else:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(program.pid, signal.SIGKILL)
