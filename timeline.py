"""Draw the log of a script: a row for each worker, with a bar from start to finish.

Run: python3 timeline.py saved.log
"""

import math
import os
import re
import shutil
import sys
import textwrap
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from common_logging import EVENT, HEADING, LINE

COMPUTED = re.compile(r"Computed for: (\d+\.\d+)s")

# How to draw a worker's time after each of these words, and how to mark its end.
SIGNS = {"queued": "·", "started": "█", "waits": "░", "got": "█"}
ENDS = {"finished": "", "raised": "✗", "lost": "✗", "cancelled": "✗"}
LEGEND = {
    "█": "running",
    "░": "waits",
    "·": "queued",
    "╌": "end unknown",
    "✗": "unfinished",
}
ASCII = str.maketrans("█░·╌✗─", "=-.~x-")
COLOURS = {r"█+": 32, r"░( [^░]+ ░)?░*": 33, r"·+": 36, r"╌+|✗": 31, r"(?m)^!.*": 33}

LEAST_WORKERS = 2
LEAST_SECONDS = 0.01
TAIL_WIDTH = 8


class Line(NamedTuple):
    """A line of a log, with the seconds since the first line of its scenario."""

    second: float
    level: str
    message: str


class Bar(NamedTuple):
    """What a worker did for a time, in seconds; the mark `?` means an unknown end."""

    begin: float
    end: float
    sign: str
    text: str = ""
    mark: str = ""


# Maps each worker (its kind and number) to what it did.
Bars = dict[tuple[str, int], list[Bar]]


def split_scenarios(log: str) -> list[list[Line]]:
    """Return the lines of each scenario in the order of their times."""
    scenarios: list[list[Line]] = []
    first = 0.0
    lines = [
        (datetime.fromisoformat(time), level, message)
        for time, _, level, message in LINE.findall(log)
    ]
    for time, level, message in sorted(lines, key=lambda line: line[0]):
        if not scenarios or HEADING.match(message):
            scenarios.append([])
            first = time.timestamp()
        scenarios[-1].append(Line(time.timestamp() - first, level, message))
    return scenarios


def find_bars(lines: list[Line]) -> Bars:
    """Return what each worker did, as far as the lines of a scenario show it."""
    bars: Bars = {}
    for second, _, message in lines:
        if not (event := EVENT.match(message)):
            continue
        kind, number, verb, rest = event.groups()
        row = bars.setdefault((kind, int(number)), [])
        under_way = bool(row) and row[-1].mark == "?"
        if under_way and (verb in SIGNS or verb in ENDS):
            unknown = verb == "started" and row[-1].sign != "·"
            row[-1] = row[-1]._replace(end=second, mark="?" if unknown else "")
        if verb in SIGNS and (under_way or verb in ("queued", "started")):
            text = verb + rest if verb == "waits" else ""
            # Until its end is known, use the end of the log.
            row.append(Bar(second, lines[-1].second, SIGNS[verb], text, "?"))
        elif ENDS.get(verb):
            row.append(Bar(second, second, ENDS[verb]))
    return bars


def draw(log: str, width: int = 80, blocks: bool = True, colour: bool = False) -> str:
    """Return a picture of a log, to one scale and at most `width` columns wide.

    Draw it with block characters, or with plain ASCII if `blocks` is false.
    """
    read = [(lines, find_bars(lines)) for lines in split_scenarios(log)]
    scenarios = [(lines, bars) for lines, bars in read if bars]
    rows = [row for _, bars in scenarios for row in bars.values()]
    if len(rows) < LEAST_WORKERS:
        return "Nothing to draw: the log has fewer than two workers."[:width]
    if all(bar.end - bar.begin < LEAST_SECONDS for row in rows for bar in row):
        return f"Nothing to draw: everything took less than {LEAST_SECONDS} s."[:width]
    span = max(lines[-1].second for lines, _ in scenarios)
    drawn: list[str] = []
    for lines, bars in scenarios:
        drawn += draw_scenario(lines, bars, span, width)
    signs = "".join(drawn)
    legend = [f"{sign} {meaning}" for sign, meaning in LEGEND.items() if sign in signs]
    drawn += textwrap.wrap("  ".join(legend), width)
    picture = "\n".join(row[:width].rstrip() for row in drawn)
    for pattern, number in COLOURS.items() if colour else ():
        picture = re.sub(pattern, f"\033[{number}m\\g<0>\033[0m", picture)
    return picture if blocks else picture.translate(ASCII)


def draw_scenario(lines: list[Line], bars: Bars, span: float, width: int) -> list[str]:
    """Return the rows of a scenario's picture, on a time axis of `span` seconds."""
    label_width = max(len(f"{kind} {number}") for kind, number in bars) + 2
    track = max(width - label_width - TAIL_WIDTH, 10)

    def column(second: float) -> int:
        return min(int(second / span * track), track - 1)

    def weight(bar: Bar) -> tuple[bool, bool, float]:
        # If several bars share a column, draw the cross, or else the longest bar.
        return bar.sign == "✗", bar.sign != "·", bar.end - bar.begin

    heading = HEADING.match(lines[0].message)
    rows = [f"── {heading[1]} ".ljust(width, "─")] if heading else []
    for (kind, number), row in sorted(bars.items()):
        cells = [" "] * track
        for bar in sorted(row, key=weight):
            left, right = column(bar.begin), column(bar.end) + 1
            sign = "╌" if bar.mark and bar.sign == "█" else bar.sign
            text = f"{sign} {bar.text} " if bar.text else ""
            text = text if len(text) < right - left else ""
            cells[left:right] = text.ljust(right - left, sign)
        for bar in row:
            cells[column(bar.end)] = bar.mark or cells[column(bar.end)]
        seconds = add_up(row, "█") + add_up(row, "░")
        tail = f"{seconds:{TAIL_WIDTH - 1}.2f}s" if seconds >= LEAST_SECONDS else ""
        rows.append(f"{kind} {number}".ljust(label_width) + "".join(cells) + tail)

    marks, scale = [" "] * track, [" "] * (track + TAIL_WIDTH)
    step = tick_seconds(span * 10 / track)
    for number in range(int(span / step) + 1):
        tick = f"{number * step:g}" if number else "0s"
        scale[column(number * step) : column(number * step) + len(tick)] = tick
    notes = []
    for second, level, message in lines[heading is not None :]:
        if message and not EVENT.match(message):
            marks[column(second)] = mark = "*" if level in ("DEBUG", "INFO") else "!"
            notes += textwrap.wrap(f"{mark} {second:.2f}s  {message}", width)
    rows += ["".join([" " * label_width, *cells]) for cells in (marks, scale)]
    return [*rows, *notes, *textwrap.wrap(sum_up(lines, bars), width)]


def tick_seconds(least: float) -> float:
    """Return the seconds between two ticks: a round number, `least` or more."""
    power: float = 10 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def add_up(bars: list[Bar], sign: str) -> float:
    """Return the total seconds of the bars with this sign and a known end."""
    return sum(bar.end - bar.begin for bar in bars if bar.sign == sign and not bar.mark)


def sum_up(lines: list[Line], bars: Bars) -> str:
    """Return a summary: total task time, elapsed time, tasks at a time."""
    tasks = [bar for row in bars.values() for bar in row if bar.sign in "█░"]
    under_way, waiting = add_up(tasks, "█") + add_up(tasks, "░"), add_up(tasks, "░")
    computed = sum(float(s) for line in lines for s in COMPUTED.findall(line.message))
    ends = [second for bar in tasks for second in (bar.begin, bar.end)]
    took = max(ends, default=0) - min(ends, default=0)
    said = "at least " if any(bar.mark for bar in tasks) else ""
    said += f"{under_way:.2f}s of tasks in {took:.2f}s"
    if took >= LEAST_SECONDS:
        said += f": {under_way / took:.1f} tasks at a time"
        said += f", {waiting / took:.1f} of them waiting" if waiting else ""
        said += f", {computed / took:.1f} computing" if computed else ""
    return said


def show(log: str) -> None:
    """Print a picture of a log, as standard output and its terminal allow."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else 80
    encoding = sys.stdout.encoding
    signs = "".join(LEGEND)
    blocks = signs.encode(encoding, "replace").decode(encoding) == signs
    colour = terminal and not os.environ.get("NO_COLOR")
    picture = draw(log, width, blocks, colour)
    # A log message may contain other characters that can't be encoded.
    print(picture.encode(encoding, "replace").decode(encoding), flush=True)


def main() -> int:
    """Draw the log that the command line names; return 0, or 2 if it can't be drawn."""
    _, *arguments = sys.argv
    if len(arguments) != 1:
        print("usage: python3 timeline.py saved.log", file=sys.stderr)
        return 2
    try:
        show(Path(arguments[0]).read_text("utf-8-sig", "replace"))
    # For example, a missing file, an invalid date, or a closed pipe.
    except (OSError, ValueError) as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"timeline.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
