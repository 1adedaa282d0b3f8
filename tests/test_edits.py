"""Each number at the top of a script can be changed, and the run still has a verdict.

A reader changes these numbers first. Run: pytest --edits
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import (
    ROOT,
    SHOWN,
    copy_collection,
    run_python,
    skip_if_it_cannot_run,
    verdicts,
)


def find_edits() -> Iterator[tuple[str, str, str]]:
    """Yield each script with a line that sets a number, and a line to replace it."""
    for script in sorted(ROOT.glob("*-*.py")):
        source = script.read_text("utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                line = source.splitlines()[node.lineno - 1]
                for value in vary(node.value.value):
                    yield script.name, line, f"{line.partition('=')[0]}= {value!r}"


def vary(value: object) -> list[int | float]:
    """Return the numbers that a reader might try in place of a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return sorted({value + 1, max(1, value - 1), 2 * value} - {value})
    return [2 * value, value / 2] if isinstance(value, float) else []


EDITS = list(find_edits())


def test_there_are_numbers_to_change() -> None:
    assert len({script for script, _, _ in EDITS}) > 15


@pytest.mark.parametrize(("script", "old", "new"), EDITS)
def test_a_changed_number_ends_in_a_verdict(
    script: str, old: str, new: str, folder: Path
) -> None:
    skip_if_it_cannot_run(script)
    change = (f"\n{old}\n", f"\n{new}\n")
    run = run_python(copy_collection(folder, script, change), cwd=folder)
    assert "Traceback" not in run.stdout
    results = verdicts(run.stdout)
    if run.returncode == 0:
        assert results == SHOWN.get(script, ["problem", "solved"]), run.stdout
    else:
        # It says what is wrong.
        assert run.returncode in (1, 2), run.stdout
        assert set(results) & {"problem", "failed", "not shown"}, run.stdout
