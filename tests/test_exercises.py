"""The page about `orders.py` is true, and its exercises can be solved.

The commands, the solutions and the goals are read from the page, so that there is no
second list of them.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import ENVIRONMENT, PATIENCE_SECONDS, ROOT, copy_collection
from test_pages import FENCE, apply, is_verbatim

from common_orders import CRASHES

PAGE = ROOT / "docs" / "every-order.md"
FOLDER = Path("docs") / "exercises"
TEXT = PAGE.read_text("utf-8")
MOST_LINES = 25

PROMPT = "$ python3 "
# What the reader has typed after a question of `--play`.
ANSWER = re.compile(r"(?m)^(Thread \(.*\)\? )(\S+)\n")
VERDICT = re.compile(r"(?m)^([\d,]+) of [\d,]+ orders are wrong\.$")


class Command(NamedTuple):
    """A command of the page, and what the page says that it prints."""

    arguments: list[str]
    printed: str

    def __str__(self) -> str:
        """Return the command's file and options, as an ID for pytest."""
        file, *rest = self.arguments[1:]
        options = [word for word in rest if word.startswith("--")]
        return " ".join([Path(file).name, *options])


class Exercise(NamedTuple):
    """An exercise of the page: its file, its command and its folded solution."""

    name: str
    command: Command
    solution: str

    def __str__(self) -> str:
        """Return its name, as an ID for pytest."""
        return self.name

    @property
    def is_played(self) -> bool:
        """Return whether the reader plays it; if not, the reader mends it."""
        return "--play" in self.command.arguments

    @property
    def arguments(self) -> list[str]:
        """Return the command that runs every order."""
        return [word for word in self.command.arguments if word != "--play"]


def read_command(block: str) -> Command:
    """Return the command at the beginning of a block."""
    assert block.startswith(PROMPT)
    joined = block.removeprefix(PROMPT).replace("\\\n", " ")
    line, _, printed = joined.partition("\n")
    return Command(shlex.split(line), printed)


def read_exercises() -> list[Exercise]:
    """Return the exercises in the order of the page."""
    found = TEXT.partition("\n## Exercises\n")[2].partition("\n## Solutions\n")
    solutions = {}
    for part in found[2].split("<details>")[1:]:
        folded = part.partition("</details>")[0]
        (name,) = re.findall(r"^<summary>(\S+)</summary>\n", folded)
        ((_, solutions[name]),) = FENCE.findall(folded)
    exercises = []
    for section in found[0].split("\n### ")[1:]:
        name = section.partition("\n")[0]
        (block,) = FENCE.findall(section)
        exercises.append(Exercise(name, read_command(block[1]), solutions.pop(name)))
    assert not solutions, f"the page has no exercises for {list(solutions)}"
    return exercises


COMMANDS = [
    read_command(text) for _, text in FENCE.findall(TEXT) if text.startswith(PROMPT)
]
EXERCISES = read_exercises()
PLAYED = [exercise for exercise in EXERCISES if exercise.is_played]
MENDED = [exercise for exercise in EXERCISES if not exercise.is_played]

# What a reader may take for a solution: each mends some orders, but not all of them.
HALVES = {
    "votes.py": """\
-    votes = before + letters
+    with LOCK:
+        votes = before + letters
""",
    "prices.py": """\
-        cache[book] = query(book)
+        with LOCK:
+            cache[book] = query(book)
""",
    "photos.py": """\
-            CONDITION.wait()
+            CONDITION.wait(timeout=1)
""",
}


def run(
    arguments: list[str], folder: Path = ROOT, answers: str = ""
) -> tuple[int, str]:
    """Run a command of the page in a folder; return its exit status and its output."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        input=answers,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return ended.returncode, ended.stdout


def count_wrong(printed: str) -> int:
    """Return how many orders are wrong, after all of them were run."""
    verdict = VERDICT.search(printed)
    assert verdict, printed
    assert printed.endswith(f"{verdict[0]}\n"), "not all orders were run"
    return int(verdict[1].replace(",", ""))


def change(exercise: Exercise, diff: str, folder: Path) -> Path:
    """Copy the collection into a folder, and apply a diff to an exercise there."""
    (folder / FOLDER).mkdir(parents=True)
    for path in (ROOT / FOLDER).glob("*.py"):
        (folder / FOLDER / path.name).write_text(path.read_text("utf-8"), "utf-8")
    return copy_collection(folder, str(FOLDER / exercise.name), apply(diff))


def read_parts(source: str) -> dict[str, str]:
    """Return a file's statements; a function is found by its name."""
    return {
        getattr(part, "name", ast.unparse(part)): ast.unparse(part)
        for part in ast.parse(source).body
    }


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_prints_what_the_page_shows(command: Command) -> None:
    assert command.arguments[0] == "orders.py"
    if "--fine" in command.arguments and sys.version_info[:2] == CRASHES:
        pytest.skip("Python 3.12 may crash if instructions are traced")
    if command.printed:
        answers = "".join(
            f"{answer}\n" for _, answer in ANSWER.findall(command.printed)
        )
        expected, dots, rest = ANSWER.sub(r"\1", command.printed).partition("...\n")
        assert not rest, "what follows the dots is not compared"
        printed = run(command.arguments, answers=answers)[1]
        assert (printed[: len(expected)] if dots else printed) == expected


def test_only_a_played_exercise_shows_no_output() -> None:
    for command in COMMANDS:
        assert command.printed or "--play" in command.arguments, command


def test_the_python_block_is_of_the_bank() -> None:
    (block,) = [text for language, text in FENCE.findall(TEXT) if language == "python"]
    assert is_verbatim(block, (ROOT / FOLDER / "bank.py").read_text("utf-8"))


def test_the_page_runs_every_file_of_the_folder() -> None:
    files = [ROOT / command.arguments[1] for command in COMMANDS]
    assert set(files) == set((ROOT / FOLDER).glob("*.py"))


def test_three_exercises_are_played_and_three_are_mended() -> None:
    kinds = [exercise.is_played for exercise in EXERCISES]
    assert kinds == [True, True, True, False, False, False]


@pytest.mark.parametrize("exercise", EXERCISES, ids=str)
def test_an_exercise_is_short_and_says_what_to_do(exercise: Exercise) -> None:
    assert exercise.command.arguments[1] == (FOLDER / exercise.name).as_posix()
    source = (ROOT / FOLDER / exercise.name).read_text("utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    begin = "Make it fail: " if exercise.is_played else "Mend it: "
    assert (ast.get_docstring(ast.parse(source)) or "").startswith(begin)


@pytest.mark.parametrize("exercise", EXERCISES, ids=str)
def test_an_exercise_has_wrong_orders(exercise: Exercise) -> None:
    status, printed = run(exercise.arguments)
    assert (status, count_wrong(printed) > 0) == (1, True)
    if exercise.is_played:
        # The goal is an outcome, so no other one may count as wrong.
        assert printed.count("   WRONG\n") == 1, printed


@pytest.mark.parametrize("exercise", PLAYED, ids=str)
def test_the_order_of_the_solution_is_wrong(exercise: Exercise) -> None:
    solution = read_command(exercise.solution)
    *same, option, _ = solution.arguments
    assert (same, option) == (exercise.arguments, "--order")
    status, printed = run(solution.arguments)
    assert (status, printed.endswith("   WRONG\n")) == (1, True), printed


@pytest.mark.parametrize("exercise", PLAYED, ids=str)
def test_the_order_of_the_solution_can_be_played(exercise: Exercise) -> None:
    order = read_command(exercise.solution).arguments[-1]
    # When the digits are used up, whichever thread can go on does.
    answers = "\n".join([*order, *("01" * 20), ""])
    status, printed = run(exercise.command.arguments, answers=answers)
    assert (status, "   WRONG\nAgain: --order " + order in printed) == (1, True)


@pytest.mark.parametrize("exercise", MENDED, ids=str)
def test_with_its_solution_no_order_is_wrong(exercise: Exercise, folder: Path) -> None:
    change(exercise, exercise.solution, folder)
    status, printed = run(exercise.arguments, folder)
    assert (status, count_wrong(printed)) == (0, 0), printed


@pytest.mark.parametrize("exercise", MENDED, ids=str)
def test_a_solution_edits_only_the_function_that_it_may(
    exercise: Exercise, folder: Path
) -> None:
    source = (ROOT / FOLDER / exercise.name).read_text("utf-8")
    changed = change(exercise, exercise.solution, folder)
    before, after = read_parts(source), read_parts(changed.read_text("utf-8"))
    assert list(after) == list(before)
    (edited,) = [name for name in before if after[name] != before[name]]
    assert f"Edit only {edited}." in (ast.get_docstring(ast.parse(source)) or "")
    section = TEXT.partition(f"\n### {exercise.name}\n")[2].partition("\n```")[0]
    assert f"Edit `{edited}` " in section


@pytest.mark.parametrize("exercise", MENDED, ids=str)
def test_half_a_solution_does_not_pass(exercise: Exercise, folder: Path) -> None:
    change(exercise, HALVES[exercise.name], folder)
    status, printed = run(exercise.arguments, folder)
    assert (status, count_wrong(printed) > 0) == (1, True), printed
