"""Run the scripts of this collection one after another and sum up which of them held.

A script holds when its problem showed and its solution worked, which it says with exit
status 0. The exit status here is 0 if every script held, 1 if one did not, 2 for
arguments that make no sense, and 130 after Ctrl-C.
"""

import argparse
import contextlib
import importlib.metadata
import math
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
KINDS = ("multithreaded", "multiprocess", "multiinterpreter", "distributed")
GRACE_SECONDS = 5.0
LEFTOVER_SECONDS = 1.0
DAY_SECONDS = 24 * 60 * 60
STOP_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
]
DOCSTRING = re.compile(r'^"""(.+?)(?:"""|$)', re.MULTILINE)
METADATA = re.compile(r"^# /// script\n((?:#(?: .*)?\n)+?)# ///$", re.MULTILINE)

# The stop signals that came, and whether one may break off what is done right now.
stops: list[int] = []
waiting = False


class Stopped(BaseException):
    """A stop signal came while the runner was waiting for a script."""


class Script(NamedTuple):
    """A script of the collection, and why it can't run here, if it can't."""

    path: Path
    description: str
    skip_reason: str


class Run(NamedTuple):
    """One run of a script: what kept it from holding, if anything did."""

    seconds: float
    failure: str
    log: str


class Parser(argparse.ArgumentParser):
    """An argument parser that needs one line to say what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def find_scripts() -> list[Script]:
    """Return the scripts beside the runner: by kind, basic first, then by name.

    Raises ValueError if a script's metadata block can't be read.
    """
    paths = [path for kind in KINDS for path in HERE.glob(f"{kind}-*.py")]
    return [read_script(path) for path in sorted(paths, key=reading_order)]


def reading_order(path: Path) -> tuple[int, bool, str]:
    """Return what the scripts are sorted by."""
    kind, _, problem = path.stem.partition("-")
    return KINDS.index(kind), problem != "basic", problem


def read_script(path: Path) -> Script:
    """Return the script of that file; raises ValueError as `skip_reason` does."""
    source = path.read_text(encoding="utf-8")
    docstring = DOCSTRING.search(source)
    try:
        reason = skip_reason(source)
    except ValueError as error:
        raise ValueError(f"{path.name}: bad script metadata: {error}") from error
    return Script(path, docstring[1] if docstring else "", reason)


def skip_reason(source: str) -> str:
    """Return why a script can't run here, by its PEP 723 block; nothing if it can.

    Raises ValueError for a block that is not TOML, or asks for a Python in any other
    way than `>=3.N`.
    """
    block = METADATA.search(source)
    if block is None:
        return ""
    metadata = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE))
    requires = metadata.get("requires-python", ">=3.0")
    minimum = re.fullmatch(r">= ?3\.(\d+)", requires)
    if minimum is None:
        raise ValueError(f"requires-python is {requires!r}, not '>=3.N'")
    if sys.version_info < (3, int(minimum[1])):
        return f"needs Python 3.{minimum[1]} or newer"
    for requirement in metadata.get("dependencies", []):
        package = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            return f"needs the package {package}"
    return ""


def select_scripts(scripts: list[Script], words: list[str]) -> list[Script]:
    """Return the scripts whose name contains a word, or all if there are no words.

    A word may also be a script's path, as a shell completes it. Raises ValueError if a
    word is in no name.
    """
    words = [Path(word).name.lower() for word in words]
    for word in words:
        if not any(word in script.path.name for script in scripts):
            names = ", ".join(script.path.name for script in scripts)
            raise ValueError(f"no script has {word!r} in its name; there are: {names}")
    return [
        script
        for script in scripts
        if not words or any(word in script.path.name for word in words)
    ]


def stop(number: int, _: FrameType | None) -> None:
    """Note a stop signal; break off the waiting for a script, but nothing else."""
    global waiting
    stops.append(number)
    if waiting:
        waiting = False
        raise Stopped


def run_script(script: Script, timeout: float, quiet: bool) -> Run:
    """Run a script as a process of its own, for at most `timeout` seconds.

    Its log goes where the runner's own output goes, or into the result if `quiet`.
    Raises Stopped, with the process ended, if a stop signal comes.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, script.path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    failure = log = ""
    try:
        log = wait_for_end(process, timeout)
    except subprocess.TimeoutExpired:
        failure = f"timed out after {timeout:g} s"
    finally:
        seconds = time.perf_counter() - started
        end_process(process)
    if failure:
        with contextlib.suppress(subprocess.TimeoutExpired):
            log = wait_for_end(process, LEFTOVER_SECONDS)
    elif process.returncode:
        failure = f"exit status {process.returncode}"
    return Run(seconds, failure, log)


def wait_for_end(process: subprocess.Popen[str], timeout: float) -> str:
    """Wait until a process has ended; return its output, if that comes through a pipe.

    Raises TimeoutExpired after so many seconds, and Stopped if a stop signal comes.
    """
    global waiting
    try:
        waiting = True
        if stops:
            raise Stopped
        return process.communicate(timeout=timeout)[0] or ""
    finally:
        waiting = False


def end_process(process: subprocess.Popen[str]) -> None:
    """End a process and all that it has started: ask first, then use force.

    A further stop signal means that there is no more time for asking.
    """
    if os.name == "nt":
        if process.poll() is None:
            # A console gives Ctrl-C to all its processes, so only force is left.
            command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(command, capture_output=True, check=False)
        process.wait()
        return
    so_far = len(stops)
    signal_group(process, signal.SIGINT)
    wait_until(lambda: process.poll() is not None or len(stops) > so_far, GRACE_SECONDS)
    # What a script leaves behind may be about to end as well, by itself.
    wait_until(
        lambda: not signal_group(process, 0) or len(stops) > so_far, LEFTOVER_SECONDS
    )
    signal_group(process, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Wait until the condition is true, for so many seconds at most."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def signal_group(process: subprocess.Popen[str], number: int) -> bool:
    """Send a signal to a process and all that it has started; return if any is left."""
    try:
        os.killpg(process.pid, number)
    # macOS refuses permission where only processes are left that have ended.
    except (ProcessLookupError, PermissionError):
        return False
    return True


def run_repeatedly(script: Script, timeout: float, repeat: int) -> Iterator[Run]:
    """Run a script so many times; show the log of the first run that does not hold."""
    failed = False
    for number in range(1, repeat + 1):
        show_progress(f"{script.path.name}: run {number:,} of {repeat:,}")
        try:
            run = run_script(script, timeout, quiet=True)
        finally:
            show_progress("")
        if run.failure and not failed:
            failed = True
            print(f"== {script.path.name}, run {number:,}: {run.failure} ==")
            print(run.log, flush=True)
        yield run


def show_progress(text: str) -> None:
    """Replace the progress line by another, on a terminal only."""
    if sys.stdout.isatty():
        print(f"\r{text:<60}\r{text}", end="", flush=True)


def run_all(scripts: list[Script], timeout: float, repeat: int | None) -> int:
    """Run the scripts and sum up, also when stopped early; return the exit status."""
    runs: dict[Script, list[Run]] = {}
    with contextlib.suppress(Stopped):
        for script in scripts:
            runs[script] = []
            if script.skip_reason:
                continue
            if repeat:
                for run in run_repeatedly(script, timeout, repeat):
                    runs[script].append(run)
            else:
                print(f"== {script.path.name} ==", flush=True)
                runs[script].append(run_script(script, timeout, quiet=False))
                print(flush=True)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"== summary, {python} ==")
    print_table(summary(runs, repeat))
    if stops:
        return 128 + stops[0]
    return 1 if any(run.failure for its in runs.values() for run in its) else 0


def summary(runs: dict[Script, list[Run]], repeat: int | None) -> list[list[str]]:
    """Return a row for each script: how it ended and how many seconds it took."""
    figures = ["min", "median", "max"] if repeat else ["seconds"]
    rows = [["script", "outcome", *figures, "description"]]
    for script, its_runs in runs.items():
        seconds = [run.seconds for run in its_runs]
        if repeat and seconds:
            seconds = [min(seconds), statistics.median(seconds), max(seconds)]
        cells = [f"{value:.2f}" for value in seconds] or [""] * len(figures)
        ended = outcome(script, its_runs, repeat)
        rows.append([script.path.name, ended, *cells, script.description])
    return rows


def outcome(script: Script, its_runs: list[Run], repeat: int | None) -> str:
    """Return in a few words how a script's runs ended."""
    if script.skip_reason:
        return f"skipped ({script.skip_reason})"
    failures = [run.failure for run in its_runs if run.failure]
    words = []
    if repeat:
        words.append(f"held {len(its_runs) - len(failures):,} of {len(its_runs):,}")
    elif its_runs:
        words.append("not held" if failures else "held")
    if len(its_runs) < (repeat or 1):
        words.append("stopped")
    return ", ".join(words) + (f" ({failures[0]})" if failures else "")


def print_table(rows: list[list[str]]) -> None:
    """Print rows of equal length in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def positive_integer(text: str) -> int:
    """Return the whole number above 0 that a text says."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def positive_seconds(text: str) -> float:
    """Return the number of seconds above 0 that a text says."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= DAY_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number above 0, at most a day"
        )
    return seconds


def parse_arguments() -> tuple[argparse.Namespace, list[Script]]:
    """Return the command line's options and the scripts that it selects."""
    parser = Parser(
        prog="run.py",
        description="Run the scripts of this collection and sum up which of them held.",
        epilog="A script holds when its problem showed and its solution worked. "
        "Exit status: 0 if every script held, 1 if one did not, 2 for bad arguments, "
        "130 after Ctrl-C. Scripts that can't run here are skipped, with the reason.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="run the scripts whose name contains one of the words; all, if none given",
    )
    parser.add_argument(
        "--list", action="store_true", help="print names and descriptions, run nothing"
    )
    parser.add_argument(
        "--repeat",
        type=positive_integer,
        metavar="N",
        help="run each script N times without its log, and measure",
    )
    parser.add_argument(
        "--timeout",
        type=positive_seconds,
        default=60,
        metavar="SECONDS",
        help="end a run that takes longer (default: %(default)s)",
    )
    options = parser.parse_args()
    try:
        return options, select_scripts(find_scripts(), options.words)
    except ValueError as error:
        parser.error(str(error))


def main() -> int:
    """Do what the command line asks for; return the exit status."""
    options, scripts = parse_arguments()
    if options.list:
        print_table([[script.path.name, script.description] for script in scripts])
        return 0
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    return run_all(scripts, options.timeout, options.repeat)


if __name__ == "__main__":
    raise SystemExit(main())
