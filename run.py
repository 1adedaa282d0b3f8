"""Run the scripts of this collection one after another and sum up how they ended.

A script is ok (exit status 0) if its problem appeared and its solution worked. With
exit status 2, the machine can't show it, for example because no core is free. The exit
status of run.py is 0 if no script failed, 1 if one did or a file can't be read or
written, 2 for bad arguments, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
"""

import argparse
import importlib.util
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import timeline
from common_logging import EXIT_NOT_SHOWN, digest

HERE = Path(__file__).resolve().parent
NAME_WIDTH = max((len(path.name) for path in HERE.glob("*-*.py")), default=0)
GRACE_SECONDS = 5.0  # for a script to stop after Ctrl-C
LEFTOVER_SECONDS = 1.0  # for what a script has left behind

LISTED = re.compile(r"^- \[(\S+-\S+\.py)\]", re.MULTILINE)
DOCSTRING = re.compile(r'^"""(.+?)(?:"""|$)', re.MULTILINE)
METADATA = re.compile(r"^# /// script\n((?:#(?: .*)?\n)+?)# ///$", re.MULTILINE)
COLOURS = {"problem": 33, "solved": 32, "failed": 31, "stopped": 31, "not shown": 36}

# Signals that should stop the runner. After a second one, it kills the script.
stops: list[int] = []


class Run(NamedTuple):
    """One run of a script: its result, why, how long it took, its log."""

    result: str
    reason: str
    seconds: float
    log: str


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def find_scripts() -> list[Path]:
    """Return the scripts in the order of the README's lists, then those not in them."""
    readme = HERE / "README.md"
    listed = LISTED.findall(readme.read_text("utf-8")) if readme.exists() else []
    names = sorted(path.name for path in HERE.glob("*-*.py"))
    names.sort(key=lambda name: listed.index(name) if name in listed else len(listed))
    return [HERE / name for name in names]


def describe(script: Path) -> str:
    """Return the first line of a script's docstring."""
    docstring = DOCSTRING.search(script.read_text("utf-8"))
    return docstring[1] if docstring else ""


def skip_reason(script: Path) -> str:
    """Return why a script can't run here: by its PEP 723 block, or on this system.

    Raises ValueError if the block isn't TOML, or requires-python isn't `>=3.N`.
    """
    source = script.read_text("utf-8")
    if os.name != "posix" and f'print("{script.name} needs POSIX"' in source:
        return "needs POSIX"
    block = METADATA.search(source)
    if block is None:
        return ""
    metadata = tomllib.loads(re.sub(r"(?m)^# ?", "", block[1]))
    requires = metadata.get("requires-python", ">=3.0")
    minimum = re.fullmatch(r">= ?3\.(\d+)", requires)
    if minimum is None:
        raise ValueError(f"requires-python is {requires!r}, not '>=3.N'")
    if sys.version_info < (3, int(minimum[1])):
        return f"needs Python 3.{minimum[1]} or newer"
    for requirement in metadata.get("dependencies", []):
        package = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        if importlib.util.find_spec(package) is None:
            return f"needs the package {package}"
    return ""


def run_script(script: Path, timeout: float, stream: bool = False) -> Run:
    """Run a script for at most `timeout` seconds, then kill all that it has started.

    Return its log or, if `stream` is true, send the log to the runner's own output.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, script],
            stdin=subprocess.DEVNULL,
            stdout=None if stream else log,
            stderr=None if stream else log,
            # So only the runner gets Ctrl-C, and can kill all that the script starts.
            start_new_session=True,
        )
        wait_until(lambda: process.poll() is not None or stops, timeout)
        seconds = time.perf_counter() - started
        result, reason = "ok", ""
        if process.returncode == EXIT_NOT_SHOWN:
            result = "not shown"
        elif process.returncode:
            result, reason = "failed", f"exit status {process.returncode}"
        elif process.returncode is None and stops:
            result, reason = "stopped", "by a signal"
        elif process.returncode is None:
            result, reason = "failed", f"timed out after {timeout:g} s"
        end_process(process)
        log.seek(0)
        return Run(result, reason, seconds, log.read().decode("utf-8", "replace"))


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and all that it has started, first with Ctrl-C, then by force.

    If another stop signal arrives meanwhile, use force immediately.
    """
    if os.name == "nt":
        if process.poll() is None:
            # A console sends Ctrl-C to all its processes, so only force remains.
            command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(command, capture_output=True, check=False)
    else:
        count = len(stops)
        patience = GRACE_SECONDS if process.poll() is None else LEFTOVER_SECONDS
        signal_group(process, signal.SIGINT)
        wait_until(lambda: not signal_group(process, 0) or len(stops) > count, patience)
        signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal a process and all that it has started; return whether any is left."""
    process.poll()
    try:
        os.killpg(process.pid, number)
    # macOS refuses permission if all processes that are left have exited.
    except (ProcessLookupError, PermissionError):
        return False
    return True


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Wait until the condition is true, for at most this many seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def show_progress(text: str = "") -> None:
    """On a terminal, replace the progress line with another."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)


def print_row(*cells: str, end: str = "") -> None:
    """Print cells side by side, cut to the terminal's width, followed by `end`."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else 80
    text, room = "  ".join(cells), width - len(end)
    text = text if len(text) <= room else text[: room - 3] + "..."
    text = f"{text:{room}}{end}".rstrip()
    if terminal and not os.environ.get("NO_COLOR"):
        for result, colour in COLOURS.items():
            text = re.sub(rf"^  {result}", f"\x1b[{colour}m\\g<0>\x1b[0m", text)
    print(text, flush=True)


def run_once(script: Path, options: argparse.Namespace) -> Run:
    """Run a script, and print each scenario's result, or the script's log."""
    print_row(script.name, describe(script))
    stream = options.log and not options.timeline
    run = run_script(script, options.timeout, stream)
    rows = digest(run.log)
    if run.reason or not rows:
        rows.append((run.result, "", run.reason))
    width = max([0, *(len(scenario) for _, scenario, _ in rows)])
    for row, (result, scenario, said) in enumerate(rows, start=1):
        end = f"{run.seconds:6.1f} s" if row == len(rows) else ""
        print_row(f"  {result:9}", f"{scenario:{width}}", said, end=end)
    if run.reason or (options.log and not stream):
        print(run.log, flush=True)
    if options.timeline:
        timeline.show(run.log)
    return run


def run_repeatedly(script: Path, timeout: float, repeat: int) -> Run:
    """Run a script `repeat` times; return the first run that failed, or the last."""
    runs: list[Run] = []
    while len(runs) < repeat and not stops:
        show_progress(f"{script.name}: run {len(runs) + 1:,} of {repeat:,}")
        runs.append(run_script(script, timeout))
        show_progress()
    bad = [run for run in runs if run.reason]
    ok = [run for run in runs if run.result == "ok"]
    seconds = [run.seconds for run in runs]
    result = f"ok {len(ok):,} of {len(runs):,}"
    times = " / ".join(f"{f(seconds):.2f}" for f in (min, statistics.median, max))
    print_row(f"{script.name:{NAME_WIDTH}}", f"{result:17}", times)
    for run in bad[:1]:
        print_row(f"  {run.result}", run.reason)
        print(run.log, flush=True)
    return (bad or runs[-1:])[0]


def run_all(scripts: dict[Path, str], options: argparse.Namespace) -> int:
    """Run the scripts that have no reason to be skipped; return the exit status."""
    started = time.perf_counter()
    results: Counter[str] = Counter()
    if options.repeat:
        print_row(f"{'script':{NAME_WIDTH}}", f"{'result':17}", "min / median / max s")
    for script, reason in scripts.items():
        if stops:
            break
        if reason:
            print_row(script.name, f"skipped: {reason}")
            results["skipped"] += 1
        elif options.repeat:
            results[run_repeatedly(script, options.timeout, options.repeat).result] += 1
        else:
            results[run_once(script, options).result] += 1
    seconds = time.perf_counter() - started
    python = f"{platform.python_implementation()} {platform.python_version()}"
    counts = ", ".join(f"{results[result]} {result}" for result in sorted(results))
    number = f"{results.total()} script" + "s" * (results.total() != 1)
    print_row(f"{number} in {seconds:.0f} s on {python}: {counts}")
    return 128 + stops[0] if stops else int(results["failed"] > 0)


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = Parser(description=__doc__)
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="part of a name (default: all)")
    add("--list", action="store_true", help="only list the scripts")
    add("--log", action="store_true", help="show each script's whole log")
    add("--timeline", action="store_true", help="draw each script's log as a timeline")
    add("--repeat", type=int, metavar="N", help="run each script N times and measure")
    add("--timeout", type=float, default=60, metavar="SECONDS", help="of each run (60)")
    options = parser.parse_args()
    if options.repeat is not None and options.repeat < 1:
        parser.error("--repeat takes a whole number above 0")
    if not 0 < options.timeout <= 24 * 60 * 60:
        parser.error("--timeout takes a number above 0, at most a day")
    kinds = [options.list, options.repeat, options.log or options.timeline]
    if sum(map(bool, kinds)) > 1:
        parser.error("--list, --repeat, and --log or --timeline exclude each other")
    scripts = find_scripts()
    words = [Path(word).name.lower() for word in options.words]
    for word in words:
        if not any(word in script.name for script in scripts):
            parser.error(f"no script has {word!r} in its name; try --list")
    scripts = [s for s in scripts if any(word in s.name for word in words or [""])]
    reasons = {}
    for script in scripts:
        try:
            reasons[script] = skip_reason(script)
        except ValueError as error:
            parser.error(f"{script.name}: bad script metadata: {error}")
    if options.list:
        for script in reasons:
            print_row(f"{script.name:{NAME_WIDTH}}", describe(script))
        return 0
    for name in {"SIGINT", "SIGTERM", "SIGHUP"} & set(dir(signal)):
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: stops.append(number))
    return run_all(reasons, options)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    # For example, a closed pipe or a full disk.
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        place = error.filename or "standard output"
        print(f"run.py: {place}: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from None
