"""The pages are true: they show what runs print, and the lines of the scripts.

What may differ between runs is taken out first: times, random numbers, the number that
a race leaves. The order of lines is compared for each worker.
"""

import itertools
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import (
    ROOT,
    copy_collection,
    run_python,
    skip_if_it_cannot_run,
    split_by_speaker,
)

import run as runner
from common_logging import NOT_SHOWN
from timeline import draw

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LISTED = runner.LISTED.findall(README.read_text("utf-8"))
# The lessons of the first three scripts stand in the README, and the others have pages.
IN_README = LISTED[:3]
HEADINGS = [
    "The problem",
    "Run it",
    "What happened",
    "The solution",
    "In real code",
    "Try it",
    "Details",
]
# Readers search these for a word; they don't read them from top to bottom.
REFERENCE = ("symptoms.md", "glossary.md")
MOST_WORDS, MOST_DETAILS, MOST_README_LINES = 650, 5, 350

SCRIPT = re.compile(r"\b\w+-\w+\.py\b")
FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
LINK = re.compile(r"\]\(([^)\s]+)\)")

# What may differ from run to run, and what stands for it.
VARIABLE = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "<time>"),
    (r"\d+\.\d+ ?s\b", "<seconds>"),
    (r"Will sleep for: [0-4]s", "Will sleep for: <number>s"),
    (r"Slept \d+s", "Slept <number>s"),
    (r"Count is: -?[1-9]\d* but should be 0", "Count is: <number> but should be 0"),
    (r"got photo [01]", "got photo <number>"),
    (r"raised (AttributeError|PicklingError): Can't .*", "raised <exception>"),
    (r"got (the count: )?-?\d+$", "got <number>"),
    (r"(INFO|WARNING) - (Computed|[\d,]+ tasks took) <seconds>.*", r"<verdict> - \2"),
    (r"\(of \d+\)", "(of <cores>)"),
    (r"(CPython|PyPy) 3\.\d+\.\w+", "<python>"),
    (r"in \d+ s on", "in <number> s on"),
    (r" {2,}", "  "),
    (r" +$", ""),
]


# What only a busy machine prints, and what a run that keeps up prints in its place.
LATE = [(r"Chunks: (?!20)\d+$", "Chunks: 6")]


class Block(NamedTuple):
    """A fenced block of a page: its language, its text, and what it belongs to."""

    page: Path
    number: int
    line: int
    language: str
    text: str
    # The script that it is about, and the others that the paragraph above it names.
    script: str
    named: list[str]
    # The diff blocks before it in its section.
    diffs: list[str]

    def __str__(self) -> str:
        """Return where it is."""
        return f"{self.page.name}:{self.line}"


def read_blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text("utf-8")
    script, diffs, end = f"{page.stem}.py", list[str](), 0
    for number, fence in enumerate(FENCE.finditer(text)):
        prose = text[end : fence.start()]
        for heading in re.findall("(?m)^#.*", prose):
            found = SCRIPT.search(heading)
            script, diffs = found[0] if found else script, []
        named = SCRIPT.findall(prose.strip().rpartition("\n\n")[2])
        line = text.count("\n", 0, fence.start()) + 1
        yield Block(page, number, line, fence[1], fence[2], script, named, diffs)
        if fence[1] == "diff":
            diffs = [*diffs, fence[2]]
        end = fence.end()


BLOCKS = [block for page in PAGES for block in read_blocks(page)]
# The timelines, each with the block before it, whose log it draws.
PICTURES = [
    pair for pair in itertools.pairwise(BLOCKS) if re.search("[█░]", pair[1].text)
]


def all_blocks(language: str) -> pytest.MarkDecorator:
    """Let a test run for each block in a language."""
    blocks = [block for block in BLOCKS if block.language == language]
    return pytest.mark.parametrize("block", blocks, ids=str)


def normalise(output: str) -> str:
    """Return an output without what may differ from run to run."""
    for pattern, name in VARIABLE:
        output = re.sub(pattern, name, output, flags=re.MULTILINE)
    return output


def is_same(expected: str, actual: str) -> bool:
    """Return whether an output is like another, in which a line of dots is for any."""
    head, *tail = re.split(r"(?m)^\.\.\.\n", normalise(expected), maxsplit=1)
    lines = normalise(actual).splitlines(keepends=True)
    end = head.count("\n") if tail else len(lines)
    if split_by_scenario("".join(lines[:end])) != split_by_scenario(head):
        return False
    # What follows the dots may begin anywhere.
    rests = ["".join(lines[start:]) for start in range(end, len(lines) + 1)]
    return not tail or any(is_same(tail[0], rest) for rest in rests)


def split_by_scenario(output: str) -> list[dict[str, list[str]]]:
    """Return for each scenario what each worker, and the main thread, printed."""
    parts = re.split(r"(?m)^(?=.*Running .* scenario!$)", output)
    return [split_by_speaker(part.splitlines()) for part in parts]


def apply(diff: str) -> tuple[str, str]:
    """Return what a diff block replaces, and by what."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    return old, new


@all_blocks("console")
def test_a_console_block_is_what_a_run_prints(
    block: Block, folder: Path, request: pytest.FixtureRequest
) -> None:
    command, output = split_command(block)
    prompt, python3, program, *arguments = shlex.split(command)
    assert (prompt, python3) == ("$", "python3")
    scripts = SCRIPT.findall(command)
    for script in scripts:
        skip_if_it_cannot_run(script)
    inherits = getattr(sys.flags, "thread_inherit_context", False)
    if inherits and "multithreaded-context.py" in scripts:
        pytest.skip("threads inherit the context here, as its page tells")
    changes = [apply(diff) for diff in block.diffs]
    copy_collection(folder, program, *changes)
    # The file whose orders are run is named as it is from the collection's folder.
    cwd = ROOT if program == "orders.py" else ROOT.parent
    run = run_python(folder / program, *arguments, cwd=cwd)
    reason = run.stdout.rpartition(NOT_SHOWN)[2].strip()
    if NOT_SHOWN in run.stdout and normalise(reason) not in normalise(output):
        pytest.skip(reason)
    status = int(program == "orders.py" and "WRONG" in run.stdout)
    assert changes or run.returncode == status, run.stdout
    printed = run.stdout
    for late, in_time in LATE:
        printed = re.sub(late, in_time, printed, flags=re.MULTILINE)
    if not is_same(output, printed):
        if request.config.getoption("--update-pages"):
            update(block, run.stdout)
            return
        expected, actual = normalise(output), normalise(printed)
        assert split_by_scenario(actual) == split_by_scenario(expected), (
            f"{block} shows another output; --update-pages fills in this:\n{printed}"
        )


def split_command(block: Block) -> tuple[str, str]:
    """Return the command of a console block, even of several lines, and its output."""
    lines = block.text.splitlines(keepends=True)
    end = 1 + sum(line.endswith("\\\n") for line in lines)
    return "".join(lines[:end]), "".join(lines[end:])


def update(block: Block, printed: str) -> None:
    """Have a console block show what its command has printed, with dots as before."""
    command, output = split_command(block)
    head, dots, tail = output.partition("...\n")
    if dots:
        assert dots not in tail, f"update this by hand: {printed}"
        lines = printed.splitlines(keepends=True)
        end = len(lines) - tail.count("\n")
        printed = "".join([*lines[: head.count("\n")], dots, *lines[end:]])
    replace(block, f"{command}{printed}")
    for _, picture in [pair for pair in PICTURES if pair[0] is block]:
        replace(picture, f"{draw(printed)}\n")


def replace(block: Block, text: str) -> None:
    """Give a block of a page another text."""
    page = block.page.read_text("utf-8")
    fence = list(FENCE.finditer(page))[block.number]
    page = page[: fence.start(2)] + text + page[fence.end(2) :]
    block.page.write_text(page, encoding="utf-8")


@pytest.mark.parametrize(("log", "picture"), PICTURES, ids=str)
def test_a_picture_is_that_of_the_log_above_it(
    log: Block, picture: Block, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update-pages"):
        # Another test may have updated the log since.
        log = list(read_blocks(log.page))[log.number]
        replace(picture, f"{draw(log.text)}\n")
        return
    assert "...\n" not in log.text, f"{log} has a picture, so it must be whole"
    assert picture.text == f"{draw(log.text)}\n", f"--update-pages draws {picture}"


def test_the_first_lesson_shows_a_picture() -> None:
    assert ("README.md", LISTED[0]) in {(p.page.name, p.script) for _, p in PICTURES}


@all_blocks("python")
def test_a_python_block_is_of_a_script_or_a_whole_program(
    block: Block, folder: Path
) -> None:
    for script in {block.script, *block.named}.intersection(LISTED):
        if is_verbatim(block.text, (ROOT / script).read_text("utf-8")):
            return
    assert re.match("import |from ", block.text), (
        f"{block}: these lines are not in {block.script}, nor a program with imports"
    )
    if block.script in LISTED:
        skip_if_it_cannot_run(block.script)
    copy_collection(folder)
    program = folder / "program.py"
    program.write_text(block.text, encoding="utf-8")
    run = run_python(program, cwd=folder)
    rest = block.page.read_text("utf-8").partition(f"{block.text}```\n")[2]
    if (after := FENCE.match(rest.lstrip("\n"))) and after[1] == "text":
        assert normalise(run.stdout) == normalise(after[2])
    else:
        assert run.returncode == 0, run.stdout


def is_verbatim(text: str, source: str) -> bool:
    """Return whether lines are those of a source, with dots for some left out.

    What stands between two lines of dots may be indented otherwise.
    """
    position = 0
    for piece in re.split(r"(?m)^ *\.\.\.\n", text):
        indented = [textwrap.indent(piece, " " * indent) for indent in range(0, 20, 4)]
        pattern = "|".join(map(re.escape, indented))
        found = re.compile(f"^(?:{pattern})", re.MULTILINE).search(source, position)
        if found is None:
            return False
        position = found.end()
    return True


@all_blocks("diff")
def test_a_diff_block_changes_its_script(block: Block) -> None:
    old, new = apply(block.text)
    assert (ROOT / block.script).read_text("utf-8").count(old) == 1, (
        f"{block}: {block.script} must have these lines exactly once:\n{old}"
    )
    assert old != new, f"{block} changes nothing"


def test_every_try_it_shows_a_change_and_what_is_then_printed() -> None:
    console = [block for block in BLOCKS if block.language == "console"]
    shown = {block.script for block in console if not block.diffs}
    tried = {block.script for block in console if block.diffs}
    for script in LISTED:
        assert script in shown, f"the page of {script} needs a console block"
        assert script in tried, f"{script}: Try it needs a diff, then a console block"
    assert not tried - set(LISTED)


@all_blocks("console")
def test_a_page_names_the_scripts_that_it_runs_in_full(block: Block) -> None:
    _, _, program, *words = block.text.partition("\n")[0].split()
    if program == "run.py":
        words = [word for word in words if not word.startswith("-")]
        names = [script.removesuffix(".py") for script in LISTED]
        assert words, f"{block} runs all scripts"
        for word in words:
            # Part of a name would match a script that is yet to be written.
            assert word in names, f"{block}: write a whole name instead of {word}"


def anchors(page: Path) -> list[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    prose = FENCE.sub("", page.read_text("utf-8"))
    headings = re.findall(r"(?m)^#+ (.+)$", prose)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return [anchor.replace(" ", "-") for anchor in kept]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.count("```") == 2 * len(FENCE.findall(text))
    for link in LINK.findall(text):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), f"{page.name} links to {link}, which isn't there"
            if anchor:
                assert anchors(target).count(anchor) == 1, f"no heading for {link}"


def test_every_script_is_listed_and_every_listed_script_there() -> None:
    scripts = sorted(path.name for path in ROOT.glob("*-*.py"))
    for script in scripts:
        assert script in LISTED, f"add a line for {script} to the README's list"
    assert sorted(LISTED) == scripts, "the README lists what is not there, or twice"


def test_every_listed_script_links_to_its_lesson() -> None:
    text = README.read_text("utf-8")
    for script in LISTED:
        line = re.search(rf"(?m)^- \[{re.escape(script)}\].*$", text)
        assert line
        target = f"docs/{lesson(script)}".replace("docs/../README.md", "")
        assert LINK.findall(line[0]) == [script, target], f"mend this line: {line[0]}"


@pytest.mark.parametrize("script", LISTED[3:])
def test_a_page_has_its_headings(script: str) -> None:
    page = ROOT / "docs" / f"{script[:-3]}.md"
    assert page.is_file(), f"write docs/{page.name}: CONTRIBUTING.md says how"
    text = page.read_text("utf-8")
    assert text.startswith(f"# {script}\n")
    assert re.search(rf"\[Read the\s+script\]\(\.\./{re.escape(script)}\)", text)
    assert text.count(f"(../{script})") == 1, "link to the script only once"
    assert re.findall(r"(?m)^## (.+)$", text) == HEADINGS
    details = text.partition("\n## Details\n")[2].partition("\n---\n")[0]
    assert len(re.findall("(?m)^- ", details)) <= MOST_DETAILS, "drop a detail"


def lesson(script: str) -> str:
    """Return where the lesson of a script is, seen from the folder docs."""
    if script in IN_README:
        return f"../README.md#{script.replace('.', '')}"
    return f"{script[:-3]}.md"


def last_line(page: Path) -> str:
    """Return the line that a page ends with: its neighbours in the README's order."""
    links = ["[All scripts](../README.md#the-scripts)"]
    if (script := f"{page.stem}.py") in LISTED:
        place = LISTED.index(script)
        around = {
            "Previous": LISTED[:place][-1:],
            "Next": LISTED[place + 1 : place + 2],
        }
        links[:0] = [
            f"{word}: [{other}]({lesson(other)})"
            for word, others in around.items()
            for other in others
        ]
    return " · ".join(links)


@pytest.mark.parametrize("page", PAGES[2:], ids=lambda page: page.name)
def test_a_page_ends_with_links_to_its_neighbours(
    page: Path, request: pytest.FixtureRequest
) -> None:
    text, _, line = page.read_text("utf-8").partition("\n---\n\n")
    expected = f"{last_line(page)}\n"
    if line != expected and request.config.getoption("--update-pages"):
        new = f"{text.rstrip()}\n\n---\n\n{expected}"
        page.write_text(new, encoding="utf-8")
        return
    assert line == expected, "--update-pages writes the last line"


@pytest.mark.parametrize("script", IN_README)
def test_a_lesson_of_the_readme_has_its_parts(script: str) -> None:
    text = README.read_text("utf-8").partition(f"\n### {script}\n")[2]
    text = re.split(r"(?m)^##+ ", text)[0]
    # The front page has no room for details.
    assert re.findall(r"(?m)^\*\*(.+)\.\*\*", text) == HEADINGS[:-1]


def count_words(page: Path) -> int:
    """Return how many words of prose a page has: no blocks, no targets of links."""
    prose = FENCE.sub("", page.read_text("utf-8")).rpartition("\n---\n")[0]
    return len(re.findall(r"[^\s|]*\w[^\s|]*", LINK.sub("]", prose)))


@pytest.mark.parametrize("page", PAGES[2:], ids=lambda page: page.name)
def test_a_page_is_short(page: Path) -> None:
    if page.name not in REFERENCE:
        words = count_words(page)
        assert words <= MOST_WORDS, f"{words} words: drop a fact, never a word"


def test_the_front_page_is_short() -> None:
    lines = len(README.read_text("utf-8").splitlines())
    assert lines <= MOST_README_LINES, f"{lines} lines: drop a fact from README.md"


T = "2026-01-01 10:00:00,000 - __main__ -"


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("Thread: 0 a\nThread: 1 a\n", "Thread: 1 a\nThread: 0 a\n", True),
        ("Thread: 0 a\nThread: 0 b\n", "Thread: 0 b\nThread: 0 a\n", False),
        ("Thread: 0 started foo\n", "Thread: 1 started foo\n", False),
        (f"{T} INFO - a 0.5s\n", f"{T.replace('26', '31')} INFO - a 12.25s\n", True),
        (f"{T} INFO - a\n", f"{T} WARNING - a\n", False),
        ("Count is: 5 but should be 0!\n", "Count is: 0 but should be 0!\n", False),
        ("Count is 0\n", "Count is 1\n", False),
        ("a\n", "a\nb\n", False),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nb\ny\n", False),
        ("...\nz\n", "a\nz\n", True),
        ("a\n...\nc\n...\nz\n", "a\nb\nz\n", False),
        (
            "Running a scenario!\nTask: 0 x\nRunning b scenario!\n",
            "Running a scenario!\nRunning b scenario!\nTask: 0 x\n",
            False,
        ),
    ],
)
def test_only_what_may_differ_does(expected: str, actual: str, same: bool) -> None:
    assert is_same(expected, actual) is same


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("b\nc\n", True),
        ("a\n...\nc\n", True),
        ("x\n...\nz\n", True),
        ("a\n...\ny\n...\nz\n", True),
        ("a\nc\n", False),
        ("c\n...\na\n", False),
        ("x\ny\n", False),
    ],
)
def test_lines_are_verbatim_or_not(text: str, found: bool) -> None:
    assert is_verbatim(text, "a\nb\nc\n    x\n        y\n    z\n") is found
