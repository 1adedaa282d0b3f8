"""The README is true: its outputs are those of real runs, and its links lead somewhere.

What may differ between runs is taken out first: times, random numbers, the number that
the race leaves, the version of Python. The order of lines is compared for each thread.
"""

import re

import pytest
from conftest import RunAsUser
from helpers import README, ROOT, Example, readme_examples, split_by_speaker

from run import Script, find_scripts

TEXT = README.read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
FRAME = re.compile(
    r'^  File "(?P<path>.+)", (?P<where>line .+)\n(?P<code>(?: {4}.+\n)*)', re.MULTILINE
)
VARIABLE = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "<time>"),
    (r"Will sleep for: [0-4]s", "Will sleep for: <number>s"),
    (r"Slept \d+s in \d\.\ds", "Slept <number>s in <number>s"),
    (r"Count is: -?[1-9]\d*", "Count is: <number>"),
    (r"(CPython|PyPy) 3\.\d+\.\w+", "<python>"),
    (r"  \d+\.\d\d(?= )", "  <seconds>"),
    (r"Kept 1,\d+ records in 1,\d+ lines", "Kept <so many>"),
    (r"should have been sent! .*", "should have been sent! <error>"),
    (r"This Python is with(out)? a GIL, on \d+ cores", "This Python is <so>"),
    (r"(: |speed-up )\d+\.\d+", r"\1<number>"),
    (r"Took \d+\.\d\ds", "Took <number>s"),
    (r"Started 4 in .+ MB each", "Started 4 for <so much>"),
    (r"After \d\.\d\ds", "After <number>s"),
    (r"results in \d+\.\ds(, \d+\.\d MB)?", "results in <so much>"),
    (r"on worker \d", "on worker <number>"),
    (r"started foo in process \d+", "started foo in process <number>"),
    (r"KilledWorker\(.*\)$", "KilledWorker(<so and so>)"),
    # Where threads inherit the context, tasks have the first request in place of none.
    (r"Request: (none|0)$", "Request: <none or the first>"),
    (r"own request: (0|100),", "own request: <none or the first>,"),
    (r" {2,}", "  "),
    (r" +$", ""),
]


def normalise(output: str) -> str:
    """Return an output without what may differ from run to run."""
    output = FRAME.sub(normalise_frame, output)
    output = re.sub(r"(  \.\.\.\n)+", "  ...\n", output)
    for pattern, name in VARIABLE:
        output = re.sub(pattern, name, output, flags=re.MULTILINE)
    return output


def normalise_frame(frame: re.Match[str]) -> str:
    """Return a traceback's frame without its folder, or dots if it is no script's."""
    name = re.split(r"[/\\]", frame["path"])[-1]
    if not (ROOT / name).is_file():
        return "  ...\n"
    code = re.sub(r"^[ ~^]+\n", "", frame["code"], flags=re.MULTILINE)
    return f'  File "{name}", {frame["where"]}\n{code}'


def scenarios(output: str) -> list[dict[str, list[str]]]:
    """Return for each scenario what each worker, and the main thread, printed."""
    parts = re.split(r"^(?=.*Running .* scenario!$)", output, flags=re.MULTILINE)
    return [split_by_speaker(part.splitlines()) for part in parts]


def is_same(expected: str, actual: str) -> None:
    """Check that an output is like another, in which a line of dots stands for any."""
    expected, actual = normalise(expected), normalise(actual)
    if "\n...\n" in expected:
        pieces = [re.escape(piece) for piece in expected.split("\n...\n")]
        assert re.fullmatch("\n(?:.*\n)*?".join(pieces), actual), actual
    else:
        assert scenarios(actual) == scenarios(expected)


@pytest.mark.parametrize(
    ("example", "method"),
    [
        pytest.param(example, method, id=f"{example.command} {method}")
        for example in readme_examples()
        for method in example.methods()
    ],
)
def test_an_output_is_that_of_a_real_run(
    example: Example, method: str, run_as_user: RunAsUser
) -> None:
    for script in find_scripts():
        if script.skip_reason and script.path.name in example.command:
            pytest.skip(script.skip_reason)
    run = run_as_user(example.command, method)
    assert run.returncode == 0, run.stdout
    is_same(expected=example.output, actual=run.stdout)


def test_every_console_block_is_compared() -> None:
    assert len(readme_examples()) == len(re.findall("^```console$", TEXT, re.MULTILINE))
    for script in find_scripts():
        commands = [example.command for example in readme_examples()]
        assert f"python3 {script.path.name}" in commands


T = "2026-01-01 10:00:00,000 - __main__ - INFO -"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (f"{T} Thread: 0 started foo\n", f"{T} Thread: 1 started foo\n"),
        (f"{T} Thread: 0 a\n{T} Thread: 0 b\n", f"{T} Thread: 0 b\n{T} Thread: 0 a\n"),
        (f"{T} Count is: 5 but\n", f"{T} Count is: 0 but\n"),
        (f"{T} Count is 0\n", f"{T} Count is 1\n"),
        (f"{T} x\n", f"{T.replace('INFO', 'WARNING')} x\n"),
        (f"{T} x\n", f"{T} x\n{T} y\n"),
        ("a\n...\nz\n", "a\nb\ny\n"),
        ("a\n...\nc\n...\nz\n", "a\nb\nz\n"),
        (
            f"{T} Running a scenario!\n{T} x\n{T} Running b scenario!\n",
            f"{T} Running a scenario!\n{T} Running b scenario!\n{T} x\n",
        ),
    ],
)
def test_a_difference_is_found(expected: str, actual: str) -> None:
    with pytest.raises(AssertionError):
        is_same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (f"{T} Thread: 0 a\n{T} Thread: 1 a\n", f"{T} Thread: 1 a\n{T} Thread: 0 a\n"),
        (f"{T} Count is: 5 but\n", f"{T.replace('26', '31')} Count is: -17 but\n"),
        ("a\n...\nz\n", "a\nb\nc\nz\n"),
        ("a  held  1.00  b\n", "a  held  22.34   b\n"),
    ],
)
def test_what_may_differ_is_no_difference(expected: str, actual: str) -> None:
    is_same(expected, actual)


def anchors() -> list[str]:
    """Return the anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.+)$", PROSE, flags=re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return [anchor.replace(" ", "-") for anchor in kept]


def test_every_anchor_is_that_of_one_heading() -> None:
    links = re.findall(r"\]\(#([^)]*)\)", TEXT)
    assert links
    for link in links:
        assert anchors().count(link) == 1, f"#{link}"


def test_every_relative_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^#)]+)\)", TEXT) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link


@pytest.mark.parametrize("script", find_scripts(), ids=lambda script: script.path.stem)
def test_every_script_has_its_section_and_its_row(script: Script) -> None:
    name = script.path.name
    [section] = re.findall(
        rf"^### {re.escape(name)}$\n(.*?)(?=^##+ |\Z)",
        TEXT,
        flags=re.MULTILINE | re.DOTALL,
    )
    parts = [
        "**The problem.**",
        f"$ python3 {name}",
        "```mermaid",
        "**What happened.**",
        "**The solution.**",
        "**When it bites.**",
        "**Try it.**",
    ]
    places = [section.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)

    rows = re.findall(
        rf"^\| \[{re.escape(name)}\]\({re.escape(name)}\).*$", TEXT, re.MULTILINE
    )
    assert len(rows) == 1
