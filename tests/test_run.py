"""The runner: what it runs, what it says, how it ends, and that it leaves nothing."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PATIENCE_SECONDS, ROOT, run_python

posix_only = pytest.mark.skipif(
    os.name != "posix", reason="needs signals, pipes with names or pseudo-terminals"
)

LINE = "2026-01-01 10:00:00,000 - __main__ -"
OK = f'''"""Show a thing."""
print("""{LINE} INFO - Running race scenario!
{LINE} INFO - Thread: 0 started foo
{LINE} WARNING - Count is: 5 but should be 0!
{LINE} INFO -
{LINE} INFO - Running safe race scenario!
{LINE} INFO - Count is 0, congratulations!""")
'''
FAILS = '"""Show no thing."""\nprint("oh no")\nraise SystemExit(1)\n'
# It and its child hold a connection to the test, which ends when both have ended. They
# wait bit by bit: free-threaded 3.13 may not notice a signal just before a long wait.
WAIT = "for _ in range(3_000): threading.Event().wait(0.1)"
ENDLESS = f'''"""Never end."""
import signal, socket, subprocess, sys, threading
connection = socket.create_connection(("127.0.0.1", {{port}}))
{{first}}
child = [sys.executable, "-c", """import threading
{WAIT}"""]
subprocess.Popen(child, pass_fds=[connection.fileno()])
print("the log of its beginning", flush=True)
connection.sendall(b"ready")
{WAIT}
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

    def add(self, **scripts: str) -> None:
        """Put scripts beside the runner, on threads."""
        for name, source in scripts.items():
            path = self.folder / f"multithreaded-{name}.py"
            path.write_text(source, encoding="utf-8")

    def set_seconds(self, **constants: float) -> None:
        """Give constants of the runner, such as GRACE_SECONDS, other values."""
        path = self.folder / "run.py"
        source = path.read_text("utf-8")
        for name, seconds in constants.items():
            source, found = re.subn(
                rf"(?m)^{name} = .+$", f"{name} = {seconds}", source
            )
            assert found == 1
        path.write_text(source, encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the runner to its end."""
        return run_python("run.py", *arguments, cwd=self.folder, stderr=subprocess.PIPE)


@pytest.fixture
def collection(folder: Path) -> Collection:
    """Return an empty collection."""
    return Collection(folder)


def without_seconds(out: str) -> list[str]:
    """Return the lines of an output, without what takes more or less time."""
    out = re.sub(r" +\d+\.\d s$", "", out, flags=re.MULTILINE)
    return re.sub(r" in \d+ s on .+: ", ": ", out).splitlines()


def test_each_scenario_has_a_line(collection: Collection) -> None:
    collection.add(basic=OK, failing=FAILS)
    run = collection.run()
    assert run.returncode == 1
    assert without_seconds(run.stdout) == [
        "multithreaded-basic.py  Show a thing.",
        "  problem  race       Count is: 5 but should be 0!",
        "  solved   safe race  Count is 0, congratulations!",
        "multithreaded-failing.py  Show no thing.",
        "  failed     exit status 1",
        "oh no",
        "",
        "2 scripts: 1 failed, 1 ok",
    ]


def test_log_streams_the_logs(collection: Collection) -> None:
    collection.add(basic=OK)
    run = collection.run("--log")
    assert run.returncode == 0
    name, *log, result, summary = without_seconds(run.stdout)
    assert name == "multithreaded-basic.py  Show a thing."
    assert len(log) == 6
    assert log[2] == f"{LINE} WARNING - Count is: 5 but should be 0!"
    assert (result, summary) == ("  ok", "1 script: 1 ok")


def test_scripts_run_in_the_order_of_the_readme(collection: Collection) -> None:
    collection.add(apple=OK, basic=OK, cherry=OK)
    rows = "| [multithreaded-cherry.py](x) |\n| [multithreaded-basic.py](x) |\n"
    (collection.folder / "README.md").write_text(rows)
    run = collection.run("--list")
    assert run.returncode == 0
    names = [line.split()[0] for line in run.stdout.splitlines()]
    assert names == [f"multithreaded-{x}.py" for x in ("cherry", "basic", "apple")]
    assert run.stdout.count("Show a thing.") == 3


def test_words_select_scripts(collection: Collection) -> None:
    collection.add(basic=OK, exceptions=OK, locks=OK)
    run = collection.run("./multithreaded-locks.py", "EXC")
    assert "multithreaded-exceptions.py" in run.stdout
    assert "multithreaded-locks.py" in run.stdout
    assert "2 scripts" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["potatoes"], "'potatoes'"),
        (["it", "no"], "no script has 'no' in its name"),
        (["--repeat", "0"], "--repeat takes a whole number above 0"),
        (["--repeat", "-1"], "--repeat takes a whole number above 0"),
        (["--repeat", "many"], "'many'"),
        (["--repeat"], "--repeat"),
        (["--timeout", "0"], "--timeout takes a number above 0"),
        (["--timeout", "soon"], "'soon'"),
        (["--timeout", "nan"], "--timeout takes a number above 0"),
        (["--timeout", "1e9"], "--timeout takes a number above 0"),
        (["--potatoes"], "--potatoes"),
    ],
)
def test_bad_arguments_need_one_line(
    collection: Collection, arguments: list[str], complaint: str
) -> None:
    collection.add(basic=FAILS, it=FAILS)
    run = collection.run(*arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert re.fullmatch(rf"run.py: .*{re.escape(complaint)}.*\n", run.stderr)


def test_help_names_every_option(collection: Collection) -> None:
    run = collection.run("--help")
    assert run.returncode == 0
    for word in ("WORD", "--list", "--log", "--repeat N", "--timeout SECONDS", "130"):
        assert word in run.stdout


def test_repeat_sums_up_many_runs_without_their_log(collection: Collection) -> None:
    collection.add(basic=OK)
    run = collection.run("--repeat", "3")
    assert run.returncode == 0
    header, row, summary = run.stdout.splitlines()
    assert header.split()[:2] == ["script", "result"]
    figures = re.fullmatch(
        r"multithreaded-basic.py +ok 3 of 3 +([\d.]+) / ([\d.]+) / ([\d.]+)", row
    )
    assert figures
    least, median, most = map(float, figures.groups())
    assert 0 < least <= median <= most
    assert summary.endswith(": 1 ok")


def test_repeat_shows_the_log_of_the_first_run_that_fails(
    collection: Collection,
) -> None:
    collection.add(
        basic="import pathlib\n"
        "runs = pathlib.Path(__file__).with_name('runs')\n"
        "runs.open('a').write('x')\n"
        "number = runs.stat().st_size\n"
        "print(f'this is run {number}')\n"
        "raise SystemExit(number // 2)\n",
    )
    run = collection.run("--repeat", "5")
    assert run.returncode == 1
    assert "ok 1 of 5" in run.stdout
    assert "  failed  exit status 1\nthis is run 2\n" in run.stdout
    assert run.stdout.count("this is run") == 1


def test_what_cannot_run_here_is_skipped_with_the_reason(
    collection: Collection,
) -> None:
    def block(*lines: str) -> str:
        return "".join(f"# {line}\n" for line in ("/// script", *lines, "///"))

    collection.add(
        newer=block('requires-python = ">=3.99"') + FAILS,
        missing=block("dependencies = [", '    "missing_package[x]>=1",', "]") + FAILS,
        present=block('dependencies = ["pytest>=8"]') + OK,
    )
    run = collection.run()
    assert run.returncode == 0
    lines = without_seconds(run.stdout)
    assert "multithreaded-newer.py  skipped: needs Python 3.99 or newer" in lines
    assert (
        "multithreaded-missing.py  skipped: needs the package missing_package" in lines
    )
    assert lines[-1] == "3 scripts: 1 ok, 2 skipped"


@pytest.mark.parametrize("line", ["requires-python = '~=3.14'", "dependencies = ["])
def test_metadata_that_cannot_be_read_is_an_error(
    collection: Collection, line: str
) -> None:
    collection.add(basic=f"# /// script\n# {line}\n# ///\n{OK}")
    run = collection.run()
    assert run.returncode == 2
    complaint = "run.py: multithreaded-basic.py: bad script metadata: "
    assert run.stderr.startswith(complaint)
    assert run.stderr.count("\n") == 1


@posix_only
@pytest.mark.parametrize("device", ["a pipe that is closed", "/dev/full"])
def test_output_that_cannot_be_written_needs_one_line(
    collection: Collection, device: str
) -> None:
    collection.add(basic=OK)
    if device == "/dev/full":
        if not Path(device).exists():
            pytest.skip("needs /dev/full, which Linux has")
        output = os.open(device, os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    run = subprocess.run(
        [sys.executable, "run.py"],
        cwd=collection.folder,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    os.close(output)
    assert run.returncode == 1
    assert re.fullmatch(r"run.py: (Broken pipe|No space left on device)\n", run.stderr)


def run_on_terminal(
    collection: Collection, *arguments: str, columns: int = 100, no_color: str = ""
) -> str:
    """Run the runner on a terminal that is so wide; return what it printed there."""
    terminal, its_other_end = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "run.py", *arguments],
        cwd=collection.folder,
        env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": no_color},
        stdout=its_other_end,
    )
    os.close(its_other_end)
    shown = b""
    # Linux ends the output with an error, macOS with nothing.
    while chunk := read_terminal(terminal):
        shown += chunk
    os.close(terminal)
    assert process.wait(PATIENCE_SECONDS) == 0
    return shown.decode().replace("\r\n", "\n")


def read_terminal(terminal: int) -> bytes:
    """Return some of what was printed on a terminal, or nothing at its end."""
    try:
        return os.read(terminal, 10_000)
    except OSError:
        return b""


@posix_only
def test_repeat_counts_on_a_terminal(collection: Collection) -> None:
    collection.add(basic=OK)
    shown = run_on_terminal(collection, "--repeat", "2")
    assert "\r\x1b[Kmultithreaded-basic.py: run 1 of 2" in shown
    assert "\r\x1b[Kmultithreaded-basic.py: run 2 of 2" in shown
    assert "ok 2 of 2" in shown.rpartition("\x1b[K")[2]


@posix_only
def test_a_terminal_has_colours_unless_they_are_unwanted(
    collection: Collection,
) -> None:
    collection.add(basic=OK)
    assert "\x1b[33m  problem\x1b[0m" in run_on_terminal(collection)
    assert "\x1b" not in run_on_terminal(collection, no_color="1")


@posix_only
@pytest.mark.parametrize("columns", [30, 60, 100])
def test_no_line_is_wider_than_the_terminal(
    collection: Collection, columns: int
) -> None:
    long = OK.replace("should be 0", "should be 0" * 10).replace("thing", "thing" * 20)
    collection.add(basic=long)
    shown = run_on_terminal(collection, columns=columns, no_color="1")
    widths = [len(line) for line in shown.splitlines()]
    assert max(widths) == columns
    assert shown.count("...") >= 2
    assert max(map(len, collection.run().stdout.splitlines())) == 80


class Endless:
    """The runner with a script that ends in five minutes, and so does its child."""

    def __init__(
        self, collection: Collection, arguments: list[str], first: str = ""
    ) -> None:
        """Start the runner and wait until the script and its child are under way."""
        # Where nobody collects ended orphans, as in some containers, it waits in vain.
        collection.set_seconds(LEFTOVER_SECONDS=0.1)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(PATIENCE_SECONDS)
            port = server.getsockname()[1]
            collection.add(basic=ENDLESS.format(port=port, first=first))
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
        assert 'run.py", line' not in out
        return out


@posix_only
@pytest.mark.parametrize(
    ("mode", "number", "status"),
    [
        ([], signal.SIGINT, 130),
        (["--log"], signal.SIGINT, 130),
        (["--repeat", "10"], signal.SIGINT, 130),
        ([], signal.SIGTERM, 143),
    ],
)
def test_ctrl_c_leaves_nothing_behind(
    collection: Collection, mode: list[str], number: int, status: int
) -> None:
    endless = Endless(collection, mode)
    endless.runner.send_signal(number)
    out = endless.end()
    assert endless.runner.returncode == status
    assert out.splitlines()[-1].endswith(": 1 stopped")


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
    out = Endless(collection, arguments, first=IGNORES_CTRL_C).end()
    assert "ok 0 of 1" in out
    assert "  failed  timed out after 2 s\nthe log of its beginning\n" in out


@posix_only
@pytest.mark.parametrize("mode", [[], ["--repeat", "10"]], ids=["once", "repeated"])
def test_two_signals_at_once_leave_nothing_behind(
    collection: Collection, mode: list[str]
) -> None:
    endless = Endless(collection, mode)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        endless.runner.send_signal(number)
    endless.end()
    assert endless.runner.returncode in (128 + 1, 128 + 2, 128 + 15)


@posix_only
def test_what_an_ended_script_has_left_behind_is_ended(collection: Collection) -> None:
    endless = Endless(collection, [], first="threading.Event.wait = lambda *_: None")
    out = endless.end()
    assert endless.runner.returncode == 0
    assert out.splitlines()[-1].endswith(": 1 ok")
