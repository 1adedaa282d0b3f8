"""The runner: what it runs, what it says, how it ends, and that it leaves nothing."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import PATIENCE_SECONDS, ROOT, run_python

import run as runner

posix_only = pytest.mark.skipif(
    os.name != "posix", reason="needs signals, pipes with names or pseudo-terminals"
)

HOLDS = '"""Show a thing."""\nprint("the log of {name}")\n'
FAILS = '"""Show no thing."""\nprint("oh no")\nraise SystemExit(1)\n'
# It and its child hold a connection to the test, which ends when both have ended.
ENDLESS = '''"""Never end."""
import signal, socket, subprocess, sys, threading
connection = socket.create_connection(("127.0.0.1", {port}))
{first}
child = [sys.executable, "-c", "import threading; threading.Event().wait(300)"]
subprocess.Popen(child, pass_fds=[connection.fileno()])
print("the log of its beginning", flush=True)
connection.sendall(b"ready")
threading.Event().wait(300)
'''
IGNORES_CTRL_C = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
TELLS_OF_CTRL_C = (
    "signal.signal(signal.SIGINT, lambda *_: connection.sendall(b'interrupted'))"
)


class Collection:
    """A folder with the runner and with scripts made for a test."""

    def __init__(self, folder: Path) -> None:
        """Put the runner, and nothing else, into the folder."""
        self.folder = folder
        shutil.copy(ROOT / "run.py", folder)

    def add(self, name: str, source: str) -> None:
        """Put a script beside the runner."""
        (self.folder / name).write_text(source, encoding="utf-8")

    def set_seconds(self, **constants: float) -> None:
        """Give constants of the runner, such as GRACE_SECONDS, other values."""
        path = self.folder / "run.py"
        source = path.read_text(encoding="utf-8")
        for name, seconds in constants.items():
            source, found = re.subn(
                rf"^{name} = .+$", f"{name} = {seconds}", source, flags=re.MULTILINE
            )
            assert found == 1
        path.write_text(source, encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the runner to its end."""
        return run_python("run.py", *arguments, cwd=self.folder)


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Return an empty collection in a folder with a space in its path."""
    folder = tmp_path / "a collection"
    folder.mkdir()
    return Collection(folder)


def outcomes(out: str) -> dict[str, str]:
    """Return the summary's outcome of each script."""
    _, _, table = out.partition("== summary, ")
    rows = [re.split(r"  +", row) for row in table.splitlines()[2:]]
    return {row[0]: row[1] for row in rows}


def test_every_script_runs_under_its_heading_in_the_order_to_read(
    collection: Collection,
) -> None:
    names = [
        "multithreaded-basic.py",
        "multithreaded-apples.py",
        "multiprocess-basic.py",
        "multiinterpreter-apples.py",
        "distributed-apples.py",
    ]
    for name in sorted(names):
        collection.add(name, HOLDS.format(name=name))
    for name in ("common_logging.py", "my-notes.py", "multithreaded.py"):
        collection.add(name, FAILS)

    run = collection.run()
    assert run.returncode == 0
    assert run.stderr == ""
    log, _, _ = run.stdout.partition("== summary, ")
    assert log == "".join(f"== {name} ==\nthe log of {name}\n\n" for name in names)
    assert list(outcomes(run.stdout).items()) == [(name, "held") for name in names]
    assert run.stdout.count("Show a thing.") == 5


def test_a_script_that_does_not_hold_is_told_and_the_others_still_run(
    collection: Collection,
) -> None:
    collection.add("multithreaded-basic.py", FAILS)
    collection.add("multithreaded-locks.py", HOLDS.format(name="locks"))
    run = collection.run()
    assert run.returncode == 1
    assert outcomes(run.stdout) == {
        "multithreaded-basic.py": "not held (exit status 1)",
        "multithreaded-locks.py": "held",
    }


def test_words_select_scripts(collection: Collection) -> None:
    for name in ("basic", "exceptions", "locks"):
        collection.add(f"multithreaded-{name}.py", HOLDS.format(name=name))
    run = collection.run("./multithreaded-locks.py", "EXC")
    assert list(outcomes(run.stdout)) == [
        "multithreaded-exceptions.py",
        "multithreaded-locks.py",
    ]


def test_list_prints_names_and_descriptions_and_runs_nothing(
    collection: Collection,
) -> None:
    collection.add("multithreaded-basic.py", HOLDS)
    collection.add("multithreaded-it.py", FAILS)
    run = collection.run("--list")
    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "multithreaded-basic.py  Show a thing.",
        "multithreaded-it.py     Show no thing.",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["potatoes"], "'potatoes'"),
        (
            ["it", "no"],
            "there are: multithreaded-basic.py, multithreaded-it.py",
        ),
        (["--repeat", "0"], "'0' is not a whole number above 0"),
        (["--repeat", "-1"], "'-1' is not a whole number above 0"),
        (["--repeat", "many"], "'many' is not a whole number above 0"),
        (["--repeat"], "--repeat"),
        (["--timeout", "0"], "'0' is not a number above 0"),
        (["--timeout", "soon"], "'soon' is not a number above 0"),
        (["--timeout", "nan"], "'nan' is not a number above 0"),
        (["--timeout", "1e9"], "'1e9' is not a number above 0"),
        (["--potatoes"], "--potatoes"),
    ],
)
def test_bad_arguments_need_one_line(
    collection: Collection, arguments: list[str], complaint: str
) -> None:
    collection.add("multithreaded-basic.py", FAILS)
    collection.add("multithreaded-it.py", FAILS)
    run = collection.run(*arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("run.py: ")
    assert complaint in run.stderr
    assert run.stderr.count("\n") == 1


def test_help_names_every_option(collection: Collection) -> None:
    run = collection.run("--help")
    assert run.returncode == 0
    for word in ("WORD", "--list", "--repeat N", "--timeout SECONDS", "130"):
        assert word in run.stdout


def test_repeat_sums_up_many_runs_without_their_log(collection: Collection) -> None:
    collection.add("multithreaded-basic.py", HOLDS)
    run = collection.run("--repeat", "3")
    assert run.returncode == 0
    heading, header, row = run.stdout.splitlines()
    assert heading.startswith("== summary, ")
    assert header.split() == [
        "script",
        "outcome",
        "min",
        "median",
        "max",
        "description",
    ]
    name, held, least, median, most, description = re.split(r"  +", row)
    assert name == "multithreaded-basic.py"
    assert held == "held 3 of 3"
    assert 0 < float(least) <= float(median) <= float(most)
    assert description == "Show a thing."


def test_the_summary_of_many_runs_has_their_median() -> None:
    script = runner.Script(Path("multithreaded-basic.py"), "Show a thing.", "")
    runs = [runner.Run(seconds, "", "") for seconds in (6.0, 1.0, 2.0)]
    assert runner.summary({script: runs}, repeat=3) == [
        ["script", "outcome", "min", "median", "max", "description"],
        [script.path.name, "held 3 of 3", "1.00", "2.00", "6.00", "Show a thing."],
    ]


def test_repeat_shows_the_log_of_the_first_run_that_does_not_hold(
    collection: Collection,
) -> None:
    collection.add(
        "multithreaded-basic.py",
        "import pathlib\n"
        "runs = pathlib.Path(__file__).with_name('runs')\n"
        "runs.open('a').write('x')\n"
        "number = runs.stat().st_size\n"
        "print(f'this is run {number}')\n"
        "raise SystemExit(number % 3)\n",
    )
    run = collection.run("--repeat", "5")
    assert run.returncode == 1
    assert run.stdout.startswith(
        "== multithreaded-basic.py, run 1: exit status 1 ==\nthis is run 1\n"
    )
    assert run.stdout.count("this is run") == 1
    assert outcomes(run.stdout) == {
        "multithreaded-basic.py": "held 1 of 5 (exit status 1)"
    }


@posix_only
def test_repeat_counts_on_a_terminal(collection: Collection) -> None:
    collection.add("multithreaded-basic.py", HOLDS)
    terminal, its_other_end = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "run.py", "--repeat", "2"],
        cwd=collection.folder,
        stdout=its_other_end,
    )
    os.close(its_other_end)
    shown = b""
    # Linux ends the output with an error, macOS with nothing.
    while chunk := read_terminal(terminal):
        shown += chunk
    os.close(terminal)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert b"\rmultithreaded-basic.py: run 1 of 2" in shown
    assert b"\rmultithreaded-basic.py: run 2 of 2" in shown
    summary = shown.rpartition(b"\r== summary")[2]
    assert b"run 2 of 2" not in summary
    assert b"held 2 of 2" in summary


def read_terminal(terminal: int) -> bytes:
    """Return some of what was printed on a terminal, or nothing at its end."""
    try:
        return os.read(terminal, 10_000)
    except OSError:
        return b""


def test_what_cannot_run_here_is_skipped_with_the_reason(
    collection: Collection,
) -> None:
    def block(*lines: str) -> str:
        return "".join(f"# {line}\n" for line in ("/// script", *lines, "///"))

    newer = block('requires-python = ">=3.99"')
    missing = block(
        'requires-python = ">=3.11"', "dependencies = [", '    "no-such[x]>=1",', "]"
    )
    present = block('dependencies = ["pytest>=8"]')
    collection.add("multithreaded-basic.py", newer + FAILS)
    collection.add("multithreaded-missing.py", missing + FAILS)
    collection.add("multithreaded-present.py", present + HOLDS)
    run = collection.run()
    assert run.returncode == 0
    assert outcomes(run.stdout) == {
        "multithreaded-basic.py": "skipped (needs Python 3.99 or newer)",
        "multithreaded-missing.py": "skipped (needs the package no-such)",
        "multithreaded-present.py": "held",
    }
    assert "oh no" not in run.stdout


@pytest.mark.parametrize("line", ["requires-python = '~=3.14'", "dependencies = ["])
def test_metadata_that_cannot_be_read_is_an_error(
    collection: Collection, line: str
) -> None:
    collection.add("multithreaded-basic.py", f"# /// script\n# {line}\n# ///\n{HOLDS}")
    run = collection.run()
    assert run.returncode == 2
    assert run.stderr.startswith(
        "run.py: multithreaded-basic.py: bad script metadata: "
    )
    assert run.stderr.count("\n") == 1


class Endless:
    """The runner with a script that ends in five minutes, and so does its child."""

    def __init__(
        self, collection: Collection, arguments: list[str], first: str
    ) -> None:
        """Start the runner and wait until the script and its child are under way."""
        # Where nobody collects ended orphans, as in some containers, it waits in vain.
        collection.set_seconds(LEFTOVER_SECONDS=0.1)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE_SECONDS)
            port = server.getsockname()[1]
            collection.add(
                "multithreaded-basic.py", ENDLESS.format(port=port, first=first)
            )
            self.runner = subprocess.Popen(
                [sys.executable, "run.py", *arguments],
                cwd=collection.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
            self.connection, _ = server.accept()
        self.connection.settimeout(PATIENCE_SECONDS)
        assert self.hear() == b"ready"

    def hear(self) -> bytes:
        """Return what the script says next, or nothing if it and its child are gone."""
        return self.connection.recv(100)

    def end(self) -> str:
        """Wait for the runner; check that nothing is left; return what it printed."""
        with self.connection:
            out, _ = self.runner.communicate(timeout=PATIENCE_SECONDS)
            assert self.hear() == b"", "the script, or its child, is still there"
        return out


@posix_only
@pytest.mark.parametrize(
    ("mode", "number", "status"),
    [
        ([], signal.SIGINT, 130),
        (["--repeat", "10"], signal.SIGINT, 130),
        ([], signal.SIGTERM, 143),
    ],
)
def test_ctrl_c_leaves_nothing_behind(
    collection: Collection, mode: list[str], number: int, status: int
) -> None:
    endless = Endless(collection, mode, first="")
    endless.runner.send_signal(number)
    out = endless.end()
    assert endless.runner.returncode == status
    held = "held 0 of 0, stopped" if mode else "stopped"
    assert outcomes(out) == {"multithreaded-basic.py": held}
    assert ", in run_script" not in out


@posix_only
def test_a_script_that_ignores_ctrl_c_is_ended_by_force(collection: Collection) -> None:
    collection.set_seconds(GRACE_SECONDS=0.2)
    endless = Endless(collection, [], first=IGNORES_CTRL_C)
    endless.runner.send_signal(signal.SIGINT)
    endless.end()
    assert endless.runner.returncode == 130


@posix_only
def test_a_second_ctrl_c_ends_it_by_force_at_once(collection: Collection) -> None:
    collection.set_seconds(GRACE_SECONDS=10 * PATIENCE_SECONDS)
    endless = Endless(collection, [], first=TELLS_OF_CTRL_C)
    endless.runner.send_signal(signal.SIGINT)
    assert endless.hear() == b"interrupted"
    endless.runner.send_signal(signal.SIGINT)
    endless.end()
    assert endless.runner.returncode == 130


@posix_only
def test_a_run_that_takes_too_long_is_ended(collection: Collection) -> None:
    collection.set_seconds(GRACE_SECONDS=0.2)
    arguments = ["--repeat", "1", "--timeout", "2"]
    endless = Endless(collection, arguments, first=IGNORES_CTRL_C)
    out = endless.end()
    assert endless.runner.returncode == 1
    assert "the log of its beginning\n" in out
    assert outcomes(out) == {
        "multithreaded-basic.py": "held 0 of 1 (timed out after 2 s)"
    }


@posix_only
@pytest.mark.parametrize("mode", [[], ["--repeat", "10"]], ids=["streamed", "repeated"])
def test_two_signals_at_once_leave_nothing_behind(
    collection: Collection, mode: list[str]
) -> None:
    endless = Endless(collection, mode, first="")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        endless.runner.send_signal(number)
    endless.end()
    assert endless.runner.returncode in (128 + 1, 128 + 2, 128 + 15)


def test_only_the_first_signal_breaks_off_the_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "stops", [])
    monkeypatch.setattr(runner, "waiting", True)
    with pytest.raises(runner.Stopped):
        runner.stop(signal.SIGTERM, None)
    runner.stop(signal.SIGINT, None)
    assert runner.stops == [signal.SIGTERM, signal.SIGINT]


@posix_only
def test_ctrl_c_at_the_start_of_a_script_does_not_lose_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started = []
    popen = subprocess.Popen

    def interrupted_popen(*args: Any, **kwargs: Any) -> subprocess.Popen[str]:
        started.append(popen(*args, **kwargs))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    path = tmp_path / "endless.py"
    path.write_text("import threading; threading.Event().wait(300)")
    monkeypatch.setattr(subprocess, "Popen", interrupted_popen)
    monkeypatch.setattr(runner, "stops", [])
    handler = signal.signal(signal.SIGINT, runner.stop)
    try:
        with pytest.raises(runner.Stopped):
            runner.run_script(runner.Script(path, "", ""), timeout=60, quiet=True)
    finally:
        signal.signal(signal.SIGINT, handler)
    [process] = started
    # Where Python itself was still starting, its exit status is 1.
    assert process.poll() in (-signal.SIGINT, 1)
    assert process.stdout is not None
    process.stdout.close()
