"""Interpreters count the same primes, share nothing, and take only what can be sent."""

import re
import sys

import pytest
from conftest import RunAsUser, RunChanged
from helpers import ROOT, messages, run_python

SCRIPT = "multiinterpreter-basic.py"

needs_interpreters = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="needs Python 3.14 or newer"
)


@pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="on this Python there are interpreters"
)
def test_an_older_python_is_told_in_one_line() -> None:
    run = run_python(ROOT / SCRIPT, cwd=ROOT)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == f"{SCRIPT} needs Python 3.14 or newer\n"


@needs_interpreters
def test_every_way_tells_its_seconds_and_its_cost(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = "\n".join(messages(run.stdout))
    [loop] = re.findall(r"^Took (\d+\.\d\d)s$", log, re.MULTILINE)
    ways = re.findall(r"^Took (\S+)s, speed-up (\S+)$", log, re.MULTILINE)
    assert len(ways) == 3
    for seconds, speed_up in ways:
        assert float(speed_up) == pytest.approx(float(loop) / float(seconds), rel=0.1)
    costs = re.findall(r"^Started 4 in \d+\.\d\ds, (\S+) MB each$", log, re.MULTILINE)
    assert len(costs) == 3
    if sys.platform == "linux":
        _, interpreters, processes = map(float, costs)
        assert interpreters > 1
        assert processes > 1


@needs_interpreters
def test_counts_are_shared_by_threads_and_not_by_interpreters(
    run_as_user: RunAsUser,
) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    counts = [line for line in messages(run.stdout) if line.startswith("Counts")]
    assert counts == [
        "Counts are: [1, 2, 3, 4], and the main interpreter's is 4",
        "Counts are: [1, 1, 1, 1], and the main interpreter's is 4",
    ]


@needs_interpreters
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "primes = count_primes(interpreter_id)",
            "primes = interpreter_id",
            "All ways should have found the same primes!",
        ),
        (
            "with concurrent.futures.InterpreterPoolExecutor(WORKERS)",
            "with concurrent.futures.ThreadPoolExecutor(WORKERS)",
            "Counts are: [5, 6, 7, 8], and the main interpreter's is 8",
        ),
        (
            "return factor * number\n\n    with",
            "return 42\n\n    with",
            "The list that was returned is [42], congratulations!",
        ),
        (
            'run_program("if True:")',
            "run_program(\"if __name__ == '__main__':\")",
            "The program printed 42, congratulations!",
        ),
    ],
)
def test_it_fails_when_a_lesson_is_not_true(
    run_changed: RunChanged, old: str, new: str, told: str
) -> None:
    run = run_changed(SCRIPT, old, new)
    assert told in messages(run.stdout)
    assert run.returncode == 1
