"""The timeline: true to its log, never too wide, and drawn whatever a log tells."""

import random
import re
from pathlib import Path

import pytest
from helpers import ROOT, run_python

from common_logging import EVENT
from timeline import ASCII, ENDS, SIGNS, draw

ROW = re.compile(r"(?m)^(Thread|Task) (\d+)\b")

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
3.00s of tasks in 2.00s: 1.5 tasks at a time, 0.8 of them
waiting, 0.2 computing
── lost ────────────────────────────────────────────────────
Thread 2  ██████████████████████                       1.00s
Thread 3  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌?
                               *
          0s        0.5        1         1.5       2
* 1.00s  Transfers: 2, congratulations!
at least 1.00s of tasks in 1.00s: 1.0 tasks at a time
█ running  ░ waits  · queued  ╌ end unknown  ✗ unfinished"""


def make_log(seed: int) -> str:
    """Return a log that has anything in any order, the same for the same seed."""
    choose = random.Random(seed).choice
    log = ""
    for _ in range(choose(range(25))):
        worker = f"{choose(['Thread', 'Task'])}: {choose([0, 1, 2, 10])}"
        verb = choose([*SIGNS, *ENDS, "sings"])
        message = choose(
            [f"{worker} {verb} foo"] * 5 + ["Running a race scenario!", "", "x" * 99]
        )
        time = f"10:00:0{choose(range(10))},{choose(range(1_000)):03}"
        level = choose(["INFO", "WARNING"])
        log += f"2026-01-01 {time} - __main__ - {level} - {message}\n"
    return log


LOGS = [make_log(seed) for seed in range(200)]


def test_it_is_true_to_its_log() -> None:
    assert draw(LOG, 60) == PICTURE


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ("started, finished, waits for B", "    █████"),
        ("started, started, finished", "    ╌╌╌╌?████"),
        ("queued, lost, got B", "    ····✗"),
        ("started, cancelled", "    ████✗"),
        ("waits for B, got B", ""),
    ],
)
def test_a_worker_is_drawn_by_what_it_says(said: str, row: str) -> None:
    messages = [
        "Thread: 1 queued foo",
        *(f"Thread: 0 {what}" for what in said.split(", ")),
    ]
    log = "".join(
        f"2026-01-01 10:00:0{second},000 - __main__ - INFO - {message}\n"
        for second, message in enumerate([*messages, "The end"])
    )
    # Room for four columns a second, beside the name and the seconds.
    picture = draw(log, 10 + 4 * len(messages) + 8)
    assert picture.splitlines()[0][10:][: 4 * len(messages)].rstrip() == row
    if said.startswith("started, finished"):
        assert "1.00s of tasks in 1.00s" in picture


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


@pytest.mark.parametrize("width", [1, 20, 60, 80, 132])
def test_no_line_is_too_wide(width: int) -> None:
    lines = [line for log in LOGS for line in draw(log, width).splitlines()]
    assert max(map(len, lines)) == width


def test_every_worker_has_a_row_in_its_scenario() -> None:
    for log in LOGS:
        # In the order of their times, since lines may be out of order.
        lines = "".join(
            sorted(log.splitlines(keepends=True), key=lambda line: line[:23])
        )
        parts = re.split("Running a race", lines)
        told = [sorted({(e[1], int(e[2])) for e in EVENT.finditer(p)}) for p in parts]
        picture = draw(log)
        rows = [
            [(kind, int(number)) for kind, number in ROW.findall(part)]
            for part in re.split(r"(?m)^──.*$", picture)
        ]
        if not picture.startswith("Nothing to draw"):
            assert [part for part in rows if part] == [part for part in told if part], (
                log
            )


def test_a_log_that_is_cut_off_anywhere_is_drawn_and_always_the_same() -> None:
    for place in range(len(LOG) + 1):
        assert draw(LOG[:place]) == draw(LOG[:place])


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
