"""The runner: what it runs, what it says, how it ends, and that it leaves nothing."""

import contextlib
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

import run
from common_logging import NO_PROBLEM
from timeline import draw

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
CANNOT_SHOW = f"""{OK}
print("{LINE} WARNING - Not shown: no core was free")
raise SystemExit(2)
"""
SHOWS_NO_PROBLEM = f"""{OK}
print("{LINE} WARNING - {NO_PROBLEM}")
raise SystemExit(1)
"""
THEIR_LOG = f"""{LINE} INFO - Running race scenario!
{LINE} INFO - Thread: 0 started foo
{LINE} INFO - Thread: 1 started foo
{LINE.replace("00,", "09,")} WARNING - Count is: 5 but should be 0!
"""
TWO_THREADS = f'"""Show a thing."""\nprint({THEIR_LOG!r})'
FAILS = '"""Show no thing."""\nprint("oh no")\nraise SystemExit(1)\n'
FAILS_IN_RUNS_2_AND_3 = """import pathlib
runs = pathlib.Path(__file__).with_name("runs")
runs.open("a").write("x")
number = runs.stat().st_size
print(f"this is run {number}")
raise SystemExit(number in (2, 3))
"""
METADATA = "# /// script\n# {}\n# ///\n"


def fill(folder: Path, **scripts: str) -> None:
    """Put the runner into a folder, and scripts on threads beside it."""
    for module in ("run.py", "timeline.py", "common_logging.py"):
        shutil.copy(ROOT / module, folder)
    for name, source in scripts.items():
        path = folder / f"multithreaded-{name}.py"
        path.write_text(source, encoding="utf-8")


def run_runner(
    folder: Path, *arguments: str, **scripts: str
) -> subprocess.CompletedProcess[str]:
    """Run the runner to its end, with scripts made for a test."""
    fill(folder, **scripts)
    return run_python("run.py", *arguments, cwd=folder, stderr=subprocess.PIPE)


def without_seconds(out: str) -> list[str]:
    """Return the lines of an output, without what takes more or less time."""
    out = re.sub(r" +\d+\.\d s$", "", out, flags=re.MULTILINE)
    return re.sub(r" in \d+ s on .+: ", ": ", out).splitlines()


def test_each_scenario_has_a_line(folder: Path) -> None:
    run = run_runner(folder, basic=OK, failing=FAILS)
    assert run.returncode == 1
    assert without_seconds(run.stdout) == [
        "multithreaded-basic.py  Show a thing.",
        "  problem    race       Count is: 5 but should be 0!",
        "  solved     safe race  Count is 0, congratulations!",
        "multithreaded-failing.py  Show no thing.",
        "  failed       exit status 1",
        "oh no",
        "",
        "2 scripts: 1 failed, 1 ok",
    ]


def test_log_streams_the_logs(folder: Path) -> None:
    run = run_runner(folder, "--log", basic=OK)
    assert run.returncode == 0
    name, *log, result, summary = without_seconds(run.stdout)
    assert name == "multithreaded-basic.py  Show a thing."
    assert len(log) == 6
    assert log[2] == f"{LINE} WARNING - Count is: 5 but should be 0!"
    assert (result, summary) == ("  ok", "1 script: 1 ok")


@pytest.mark.parametrize("log", [[], ["--log"]], ids=["digest", "log"])
def test_a_timeline_stands_below_the_digest_and_the_log(
    folder: Path, log: list[str]
) -> None:
    run = run_runner(folder, "--timeline", *log, basic=TWO_THREADS)
    assert run.returncode == 0
    assert without_seconds(run.stdout) == [
        "multithreaded-basic.py  Show a thing.",
        "  problem    race  Count is: 5 but should be 0!",
        *([*THEIR_LOG.splitlines(), "", ""] if log else []),
        *draw(THEIR_LOG).splitlines(),
        "1 script: 1 ok",
    ]


def test_scripts_run_in_the_order_of_the_readme(folder: Path) -> None:
    lines = "- [multithreaded-cherry.py](x): y\n- [multithreaded-basic.py](x): y\n"
    (folder / "README.md").write_text(lines)
    run = run_runner(folder, "--list", apple=OK, basic=OK, cherry=OK)
    assert run.returncode == 0
    assert [line.split(maxsplit=1) for line in run.stdout.splitlines()] == [
        [f"multithreaded-{name}.py", "Show a thing."]
        for name in ("cherry", "basic", "apple")
    ]


def test_words_select_scripts(folder: Path) -> None:
    words = ["./multithreaded-locks.py", "EXC"]
    run = run_runner(folder, *words, basic=OK, exceptions=OK, locks=OK)
    assert "multithreaded-exceptions.py" in run.stdout
    assert "multithreaded-locks.py" in run.stdout
    assert "2 scripts" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("it no", "no script has 'no' in its name"),
        ("--repeat 0", "--repeat takes a whole number above 0"),
        ("--repeat -1", "--repeat takes a whole number above 0"),
        ("--repeat many", "'many'"),
        ("--repeat", "--repeat"),
        ("--timeout 0", "--timeout takes a number above 0"),
        ("--timeout soon", "'soon'"),
        ("--timeout nan", "--timeout takes a number above 0"),
        ("--timeout 1e9", "--timeout takes a number above 0"),
        ("--potatoes", "--potatoes"),
        ("--list --timeline", "exclude each other"),
        ("--list --repeat 3", "exclude each other"),
        ("--repeat 3 --timeline", "exclude each other"),
        ("--repeat 3 --log", "exclude each other"),
        ("table", "multithreaded-table.py: bad script metadata: "),
        ("version", "multithreaded-version.py: bad script metadata: "),
    ],
)
def test_bad_arguments_and_bad_metadata_need_one_line(
    folder: Path, arguments: str, complaint: str
) -> None:
    run = run_runner(
        folder,
        *arguments.split(),
        it=FAILS,
        table=METADATA.format("dependencies = [") + OK,
        version=METADATA.format("requires-python = '~=3.14'") + OK,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert re.fullmatch(rf"run.py: .*{re.escape(complaint)}.*\n", run.stderr)


def test_help_names_every_option(folder: Path) -> None:
    run = run_runner(folder, "--help")
    assert run.returncode == 0
    for word in ("WORD", "--list", "--log", "--repeat N", "--timeout SECONDS"):
        assert word in run.stdout
    for status in ("130", "143", "129"):
        assert status in run.stdout


def test_what_a_machine_cannot_show_is_neither_ok_nor_failed(folder: Path) -> None:
    run = run_runner(folder, busy=CANNOT_SHOW)
    assert run.returncode == 0
    assert without_seconds(run.stdout) == [
        "multithreaded-busy.py  Show a thing.",
        "  problem    race       Count is: 5 but should be 0!",
        "  solved     safe race  Count is 0, congratulations!",
        "  not shown             no core was free",
        "1 script: 1 not shown",
    ]
    run = run_runner(folder, "--repeat", "2", busy=CANNOT_SHOW)
    assert run.returncode == 0
    assert "ok 0 of 2" in run.stdout
    assert run.stdout.endswith(": 1 not shown\n")


def test_a_scenario_without_a_problem_is_told(folder: Path) -> None:
    run = run_runner(folder, solved=SHOWS_NO_PROBLEM)
    assert run.returncode == 1
    # The row is cut where it doesn't fit.
    assert f"  failed                {NO_PROBLEM[:40]}" in run.stdout


@posix_only
def test_a_script_that_needs_posix_is_skipped_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts = [ROOT / f"multi{name}.py" for name in ("process-forks", "threaded-locks")]
    assert [run.skip_reason(script) for script in scripts] == ["", ""]
    monkeypatch.setattr("run.os.name", "nt")
    assert [run.skip_reason(script) for script in scripts] == ["needs POSIX", ""]


@posix_only
def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "multithreaded-gone.py").symlink_to("nowhere.py")
    run = run_runner(folder)
    assert run.returncode == 1
    assert re.fullmatch(r"run.py: \S.*multithreaded-gone.py: .+\n", run.stderr)


def test_the_list_has_two_columns(folder: Path) -> None:
    run = run_runner(folder, "--list", a=OK, a_very_long_name_for_a_script=OK)
    assert {line.index("Show") for line in run.stdout.splitlines()} == {
        len("multithreaded-a_very_long_name_for_a_script.py  ")
    }


def test_repeat_sums_up_many_runs_without_their_log(folder: Path) -> None:
    run = run_runner(folder, "--repeat", "3", basic=OK)
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


def test_repeat_shows_the_log_of_the_first_run_that_fails(folder: Path) -> None:
    run = run_runner(folder, "--repeat", "5", basic=FAILS_IN_RUNS_2_AND_3)
    assert run.returncode == 1
    assert "ok 3 of 5" in run.stdout
    assert "  failed  exit status 1\nthis is run 2\n" in run.stdout
    assert run.stdout.count("this is run") == 1


def test_what_cannot_run_here_is_skipped_with_the_reason(folder: Path) -> None:
    missing = 'dependencies = [\n#     "missing_package[x]>=1",\n# ]'
    run = run_runner(
        folder,
        newer=METADATA.format('requires-python = ">=3.99"') + FAILS,
        missing=METADATA.format(missing) + FAILS,
        present=METADATA.format('dependencies = ["pytest>=8"]') + OK,
    )
    assert run.returncode == 0
    lines = without_seconds(run.stdout)
    assert lines[:2] == [
        "multithreaded-missing.py  skipped: needs the package missing_package",
        "multithreaded-newer.py  skipped: needs Python 3.99 or newer",
    ]
    assert lines[-1] == "3 scripts: 1 ok, 2 skipped"


@posix_only
@pytest.mark.parametrize("device", ["a pipe that is closed", "/dev/full"])
def test_output_that_cannot_be_written_needs_one_line(
    folder: Path, device: str
) -> None:
    if device != "/dev/full":
        reader, output = os.pipe()
        os.close(reader)
    elif Path(device).exists():
        output = os.open(device, os.O_WRONLY)
    else:
        pytest.skip("needs /dev/full, which Linux has")
    fill(folder, basic=OK)
    run = run_python("run.py", cwd=folder, stdout=output, stderr=subprocess.PIPE)
    os.close(output)
    assert run.returncode == 1
    assert re.fullmatch(
        r"run.py: standard output: (Broken pipe|No space left on device)\n", run.stderr
    )


def run_on_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """Run the runner on a terminal; return what it printed there."""
    terminal, its_other_end = os.openpty()
    runner = subprocess.Popen(
        [sys.executable, "run.py", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "", **environment},
        stdout=its_other_end,
    )
    os.close(its_other_end)
    shown = b""
    # Linux ends the output with an error, macOS with nothing.
    with contextlib.suppress(OSError):
        while chunk := os.read(terminal, 10_000):
            shown += chunk
    os.close(terminal)
    assert runner.wait(PATIENCE_SECONDS) == 0
    return shown.decode().replace("\r\n", "\n")


@posix_only
def test_repeat_counts_on_a_terminal(folder: Path) -> None:
    fill(folder, basic=OK)
    shown = run_on_terminal(folder, "--repeat", "2")
    assert "\r\x1b[Kmultithreaded-basic.py: run 1 of 2" in shown
    assert "\r\x1b[Kmultithreaded-basic.py: run 2 of 2" in shown
    last_lines = shown.rpartition("\r\x1b[K")[2]
    assert re.match("multithreaded-basic.py +ok 2 of 2", last_lines)


@posix_only
def test_a_terminal_has_colours_unless_they_are_unwanted(folder: Path) -> None:
    fill(folder, basic=TWO_THREADS)
    shown = run_on_terminal(folder, "--timeline")
    assert "\x1b[33m  problem\x1b[0m" in shown
    assert "\x1b[31m╌" in shown
    assert "\x1b" not in run_on_terminal(folder, "--timeline", NO_COLOR="1")


@posix_only
@pytest.mark.parametrize("columns", [30, 60, 100])
def test_no_line_is_wider_than_the_terminal(folder: Path, columns: int) -> None:
    long = TWO_THREADS.replace("be 0", "be 0" * 30).replace("thing", "thing" * 20)
    fill(folder, basic=long)
    shown = run_on_terminal(folder, "--timeline", COLUMNS=str(columns), NO_COLOR="1")
    assert max(map(len, shown.splitlines())) == columns
    assert shown.count("...") >= 2
    piped = run_python("run.py", cwd=folder, environment={"COLUMNS": str(columns)})
    assert max(map(len, piped.stdout.splitlines())) == 80


# A script that ends in five minutes, and so does its child. Both hold a connection to
# the test, which ends when both have ended.
ENDLESS = '''"""Never end."""
import signal, socket, subprocess, sys, time
connection = socket.create_connection(("127.0.0.1", {port}))
{first}
child = [sys.executable, "-c", "import time; time.sleep(300)"]
subprocess.Popen(child, pass_fds=[connection.fileno()])
print("the log of its beginning", flush=True)
connection.sendall(b"ready")
# Bit by bit: free-threaded 3.13 may not notice a signal just before a long sleep.
for _ in range(3_000): time.sleep(0.1)
'''
IGNORES_CTRL_C = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
TELLS_OF_CTRL_C = (
    "signal.signal(signal.SIGINT, lambda *_: connection.sendall(b'interrupted'))"
)
LEAVES_ITS_CHILD = "time.sleep = lambda _: None"
# Where nobody collects ended orphans, as in some containers, the runner waits in vain.
IMPATIENT_RUNNER = """import run
run.GRACE_SECONDS, run.LEFTOVER_SECONDS = {grace}, 0.1
raise SystemExit(run.main())"""


def start_endless(
    folder: Path, *arguments: str, first: str = "", grace: float = 0.2
) -> tuple[subprocess.Popen[str], socket.socket]:
    """Return the runner, and a connection to the endless script that it is running."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_SECONDS)
        fill(folder, basic=ENDLESS.format(port=server.getsockname()[1], first=first))
        runner = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT_RUNNER.format(grace=grace), *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        connection, _ = server.accept()
    connection.settimeout(PATIENCE_SECONDS)
    assert connection.recv(100) == b"ready"
    return runner, connection


def end(runner: subprocess.Popen[str], connection: socket.socket) -> str:
    """Wait for the runner; check that nothing is left; return what it printed."""
    with connection:
        out, _ = runner.communicate(timeout=PATIENCE_SECONDS)
        assert connection.recv(100) == b"", "the script, or its child, is still there"
    assert 'run.py", line' not in out
    return out


@posix_only
@pytest.mark.parametrize(
    ("arguments", "first", "names"),
    [
        ("", "", "SIGINT"),
        ("--log", "", "SIGINT"),
        ("--repeat 10", "", "SIGINT"),
        ("", "", "SIGTERM"),
        ("", IGNORES_CTRL_C, "SIGINT"),
        ("", "", "SIGTERM SIGINT SIGHUP"),
        ("--repeat 10", "", "SIGTERM SIGINT SIGHUP"),
    ],
)
def test_a_signal_leaves_nothing_behind(
    folder: Path, arguments: str, first: str, names: str
) -> None:
    runner, connection = start_endless(folder, *arguments.split(), first=first)
    signals = [signal.Signals[name] for name in names.split()]
    for number in signals:
        runner.send_signal(number)
    out = end(runner, connection)
    assert runner.returncode - 128 in signals
    assert out.splitlines()[-1].endswith(": 1 stopped")


@posix_only
def test_a_second_ctrl_c_ends_it_by_force_at_once(folder: Path) -> None:
    patient = 10 * PATIENCE_SECONDS
    runner, connection = start_endless(folder, first=TELLS_OF_CTRL_C, grace=patient)
    runner.send_signal(signal.SIGINT)
    assert connection.recv(100) == b"interrupted"
    runner.send_signal(signal.SIGINT)
    end(runner, connection)
    assert runner.returncode == 130


@posix_only
def test_a_run_that_takes_too_long_is_ended(folder: Path) -> None:
    arguments = ["--repeat", "1", "--timeout", "2"]
    out = end(*start_endless(folder, *arguments, first=IGNORES_CTRL_C))
    assert "ok 0 of 1" in out
    assert "  failed  timed out after 2 s\nthe log of its beginning\n" in out


@posix_only
def test_what_an_ended_script_has_left_behind_is_ended(folder: Path) -> None:
    runner, connection = start_endless(folder, first=LEAVES_ITS_CHILD)
    out = end(runner, connection)
    assert runner.returncode == 0
    assert out.splitlines()[-1].endswith(": 1 ok")
