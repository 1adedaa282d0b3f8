"""The timeline: true to its log, never too wide, and drawn whatever a log tells."""

import re
from pathlib import Path

import pytest
from helpers import ROOT, run_python
from hypothesis import given, settings
from hypothesis import strategies as st

from timeline import ASCII, EVENT, draw

# Lines of different workers may be out of order, as those of processes are.
LOG = """\
2026-01-01 10:00:00,000 - __main__ - INFO - Running deadlock scenario!
2026-01-01 10:00:00,000 - __main__ - INFO - Thread: 0 started foo
2026-01-01 10:00:00,000 - __main__ - INFO - Thread: 0 waits for B
2026-01-01 10:00:01,500 - __main__ - INFO - Thread: 0 got B
2026-01-01 10:00:02,000 - __main__ - INFO - Thread: 0 finished foo. Computed for: 0.50s
2026-01-01 10:00:00,500 - __main__ - INFO - Thread: 10 queued foo
2026-01-01 10:00:01,000 - __main__ - INFO - Thread: 10 started foo
2026-01-01 10:00:02,000 - __main__ - INFO - Thread: 10 raised KeyError()
2026-01-01 10:00:02,000 - __main__ - WARNING - Transfers: 1 but should be 2!
2026-01-01 10:00:02,000 - __main__ - INFO - Running lost scenario!
2026-01-01 10:00:02,000 - __main__ - INFO - Thread: 2 started foo
2026-01-01 10:00:02,000 - __main__ - INFO - Thread: 3 started foo
2026-01-01 10:00:03,000 - __main__ - INFO - Thread: 2 finished foo
2026-01-01 10:00:03,000 - __main__ - INFO - Transfers: 2, congratulations!
"""
PICTURE = """\
── deadlock ────────────────────────────────────────────────
Thread 0   ░ waits for B ░░░░░░░░░░░░░░░░░██████████   2.00s
Thread 10            ··········████████████████████✗   1.00s
                                                   !
           0s        0.5       1         1.5       2
! 2.00s  Transfers: 1 but should be 2!
3.00s of tasks in 2.00s: 1.5 under way at a time, 0.8 of
them waiting, 0.2 computing
── lost ────────────────────────────────────────────────────
Thread 2  ██████████████████████                       1.00s
Thread 3  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌?
                               *
          0s        0.5        1         1.5       2
* 1.00s  Transfers: 2, congratulations!
at least 1.00s of tasks in 1.00s: 1.0 under way at a time
█ under way  ░ waits  · queued  ╌ end unknown  ✗ unfinished"""

WORKERS = st.builds(
    "{}: {}".format, st.sampled_from(["Thread", "Task"]), st.integers(0, 11)
)
VERBS = [
    "queued",
    "started",
    "waits for",
    "got",
    "finished",
    "raised",
    "lost",
    "cancelled",
]
MESSAGES = st.one_of(
    st.builds("{} {} foo".format, WORKERS, st.sampled_from([*VERBS, "sings"])),
    st.builds("Running {} scenario!".format, st.sampled_from(["a race", "x" * 90])),
    st.sampled_from(
        ["", "Count is: 5 but should be 0!", "Count is 0, congratulations!"]
    ),
)
LINES = st.builds(
    "2026-01-01 10:00:{:02},{:03} - __main__ - {} - {}\n".format,
    st.integers(0, 59),
    st.integers(0, 999),
    st.sampled_from(["INFO", "WARNING"]),
    MESSAGES,
)
LOGS = st.lists(LINES, max_size=15).map("".join)
# The same logs in each run, however long each takes; nothing is kept in a folder.
for_many_logs = settings(
    max_examples=60, derandomize=True, deadline=None, database=None
)


def test_it_is_true_to_its_log() -> None:
    assert draw(LOG, 60) == PICTURE


def test_ascii_takes_the_place_of_blocks() -> None:
    assert draw(LOG, 60, blocks=False) == PICTURE.translate(ASCII)
    assert draw(LOG, blocks=False).isascii()


def test_colours_change_nothing_else() -> None:
    picture = draw(LOG, 60, colour=True)
    assert re.sub(r"\x1b\[\d+m", "", picture) == PICTURE
    assert "\x1b[31m✗\x1b[0m" in picture
    assert "\x1b[33m! 2.00s  Transfers" in picture


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", "fewer than two workers"),
        ("no log at all", "fewer than two workers"),
        (re.sub(r".*Thread: [^0].*\n", "", LOG), "fewer than two workers"),
        (re.sub(r":0\d,\d{3}", ":00,009", LOG), "less than 0.01 s"),
    ],
)
def test_where_there_is_nothing_to_see_it_says_so(log: str, reason: str) -> None:
    picture = draw(log)
    assert reason in picture
    assert "\n" not in picture


@for_many_logs
@given(LOGS, st.integers(1, 200), st.booleans())
def test_no_line_is_too_wide(log: str, width: int, blocks: bool) -> None:
    assert all(len(line) <= width for line in draw(log, width, blocks).splitlines())


@for_many_logs
@given(LOGS)
def test_every_worker_has_a_row_in_its_scenario(log: str) -> None:
    picture = draw(log)
    # Sorted, since the picture is: by time.
    parts = re.split(r"(?m)^.*Running", "".join(sorted(log.splitlines(keepends=True))))
    expected = [
        sorted({(e[1], int(e[2])) for e in EVENT.finditer(part)}) for part in parts
    ]
    rows = re.split(r"(?m)^──.*$", picture)
    drawn = [re.findall(r"(?m)^(Thread|Task) (\d+)\b", part) for part in rows]
    if not picture.startswith("No picture"):
        found = [[(kind, int(number)) for kind, number in part] for part in drawn]
        assert [part for part in found if part] == [part for part in expected if part]


@for_many_logs
@given(LOGS, st.data())
def test_a_log_that_is_cut_off_anywhere_is_drawn(log: str, data: st.DataObject) -> None:
    cut_off = log[: data.draw(st.integers(0, len(log)))]
    assert draw(cut_off) == draw(cut_off)


def test_a_saved_log_is_drawn(folder: Path) -> None:
    (folder / "saved.log").write_text(LOG, encoding="utf-8")
    run = run_python(ROOT / "timeline.py", "saved.log", cwd=folder)
    assert run.returncode == 0, run.stdout
    assert run.stdout == f"{draw(LOG, 80)}\n"


def test_a_narrow_encoding_gets_ascii(folder: Path) -> None:
    log = LOG.replace("Transfers: 1", "Transferts terminés: 1")
    (folder / "saved.log").write_text(log, encoding="utf-8-sig")
    environment = {"PYTHONIOENCODING": "ascii"}
    run = run_python(
        ROOT / "timeline.py", "saved.log", cwd=folder, environment=environment
    )
    assert run.stdout == f"{draw(log, 80, blocks=False).replace('é', '?')}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "usage: python3 timeline.py saved.log"),
        (["a.log", "b.log"], "usage: python3 timeline.py saved.log"),
        (["missing.log"], "timeline.py: .*No such file or directory.*"),
        (["."], "timeline.py: .*"),
        (["no-day.log"], "timeline.py: .*day.*"),
    ],
)
def test_what_cannot_be_drawn_needs_one_line(
    arguments: list[str], complaint: str, folder: Path
) -> None:
    (folder / "no-day.log").write_text(LOG.replace("01-01", "02-30"), encoding="utf-8")
    run = run_python(ROOT / "timeline.py", *arguments, cwd=folder)
    assert run.returncode == 2
    assert re.fullmatch(f"{complaint}\n", run.stdout)
