"""What all scripts have in common: their anatomy and what they log."""

import ast
import re

import pytest
from conftest import RunAsUser
from helpers import ROOT, messages, read_log, split_by_speaker

from run import Script, find_scripts

every_script = pytest.mark.parametrize(
    "script", [pytest.param(script, id=script.path.stem) for script in find_scripts()]
)


def test_there_are_scripts() -> None:
    names = {path.name for path in ROOT.glob("*-*.py")}
    assert {script.path.name for script in find_scripts()} == names
    assert "multithreaded-locks.py" in names


@every_script
def test_the_docstring_says_what_there_is_to_see(script: Script) -> None:
    docstring = ast.get_docstring(ast.parse(script.path.read_text("utf-8")))
    assert docstring is not None
    summary, problem_and_solution, run = docstring.split("\n\n")
    assert summary == script.description
    assert re.fullmatch(
        r"Problem: .*\.\nSolution: .*\.", problem_and_solution, re.DOTALL
    )
    assert run == f"Run: python3 {script.path.name}"


@every_script
def test_it_has_a_test_file_of_its_own(script: Script) -> None:
    name = f"test_{script.path.stem.replace('-', '_')}.py"
    assert (ROOT / "tests" / name).is_file()


@every_script
def test_it_keeps_the_logging_contract(script: Script, run_as_user: RunAsUser) -> None:
    if script.skip_reason:
        pytest.skip(script.skip_reason)
    run = run_as_user(f"python3 {script.path.name}")
    assert run.returncode == 0, run.stdout
    log = read_log(run.stdout)
    assert {line.name for line in log} == {"__main__"}
    for line in log:
        if line.level == "WARNING":
            assert "should" in line.message
    assert log[-1].message.endswith("congratulations!")

    workers = split_by_speaker(messages(run.stdout))
    workers.pop("main")
    assert workers
    for worker, lines in workers.items():
        check_both_ends(worker, lines)


def check_both_ends(worker: str, lines: list[str]) -> None:
    """Check that a worker finishes what it started, and starts what it finishes.

    Only one that the script says has raised, or was lost, need not have finished.
    """
    raises = any(re.match(rf"{worker} (raised|lost) ", line) for line in lines)
    under_way = None
    for line in lines:
        event = re.match(rf"{worker} (started|finished) (\w+)", line)
        if event is None:
            continue
        if event[1] == "started":
            assert under_way is None or raises, f"{worker} never finished {under_way}"
            under_way = event[2]
        else:
            assert under_way == event[2], f"{worker} never started {event[2]}"
            under_way = None
    assert under_way is None or raises, f"{worker} never finished {under_way}"


@pytest.mark.parametrize(
    "lines",
    [
        ["Thread: 0 started foo"],
        ["Thread: 0 finished foo"],
        ["Thread: 0 started foo", "Thread: 0 finished bar"],
        ["Thread: 0 started foo", "Thread: 0 started foo", "Thread: 0 finished foo"],
    ],
)
def test_the_contract_is_checked(lines: list[str]) -> None:
    with pytest.raises(AssertionError, match="never"):
        check_both_ends("Thread: 0", lines)
