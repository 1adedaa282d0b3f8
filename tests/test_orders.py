"""The orders: each one run, each one counted, and what can't be run said in a line."""

import itertools
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import PATIENCE_SECONDS, ROOT, run_python, start_python

import orders
from common_orders import CRASHES, OrdersError, Program, Run

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")

BANK = """
import threading
balance = 100
lock = threading.Lock()

def withdraw(amount):
    global balance
    if balance >= amount:
        rest = balance - amount
        balance = rest

def withdraw_with_lock(amount):
    with lock:
        withdraw(amount)
"""
COUNT = """
count = 0

def add():
    global count
    value = count
    value += 1
    count = value

def add_in_place():
    global count
    count += 1

def ten():
    global count
    value = count
    value += 1
    value += 1
    value += 1
    value += 1
    value += 1
    value += 1
    value += 1
    value += 1
    count = value
"""
CONDITION = """
import threading
condition = threading.Condition()
ready = False
items, got = [], []

def wait_late():
    if not ready:
        with condition:
            condition.wait()
    got.append("woke")

def tell():
    global ready
    ready = True
    with condition:
        condition.notify()

def take(times=1):
    with condition:
        while not items:
            condition.wait()
        got.append(items.pop())

def take_if():
    with condition:
        if not items:
            condition.wait()
        got.append(items.pop())

def put_two():
    put()
    put()

def put():
    with condition:
        items.append("item")
        condition.notify_all()
"""
FORKS = """
import threading
forks = [threading.Lock() for _ in range(3)]
eaten = []

def dine(person):
    with forks[person]:
        with forks[(person + 1) % 3]:
            eaten.append(person)
"""
QUEUE = """
import queue
jobs = queue.Queue()
jobs.put("job")
got = []

def take():
    if not jobs.empty():
        got.append(jobs.get())

def take_in_time():
    try:
        got.append(jobs.get(timeout=5))
    except queue.Empty:
        got.append("nothing")
"""
# What no variable holds: an iterator, half a sum, an exception, a value to return.
HIDDEN = """
import contextlib, threading
total, log, lock = 0, [], threading.Lock()
numbers = [1, 1, 1]

def for_each():
    for number in numbers:
        log.append(number)
        numbers.append(2) if len(numbers) < 5 else None

def for_range():
    for _ in range(2):
        for _ in range(2):
            log.append(len(log))

def get_one():
    log.append(0)
    return 1

def half_sum():
    global total
    total = total + get_one()

def add_in_place():
    global total
    total += get_one()

def finish():
    global total
    try:
        total += 1
        if total > 1:
            raise KeyError(total)
    finally:
        total += 1
        log.append(total)

def get_total():
    log.append(0)
    return total

def put():
    numbers[get_total()] = get_total()

def bump():
    global total
    total += 1

def get_with_lock():
    with lock:
        return len(log)

def use_it():
    number = get_with_lock()
    log.append(number)

def squares():
    log.extend([get_one() for _ in range(2)])

def generate():
    yield total
    yield total

def use_generator():
    global total
    for number in generate():
        total = number + 1

class Account:
    balance = 0

    def __init__(self):
        self.items = numbers

    def add(self):
        value = Account.balance
        Account.balance = value + len(self.items)

one, two = Account(), Account()
"""


class Case(NamedTuple):
    """A program, and how many of its orders lead to each outcome."""

    source: str
    calls: list[str]
    show: str
    check: str
    counts: dict[str, int]
    fine: bool = False


DEADLOCK, FOR_EVER = "deadlock", "goes on forever"
EMPTY = "IndexError: pop from empty list"
CASES = {
    "bank": Case(
        BANK,
        ["withdraw(100)", "withdraw(50)"],
        "balance",
        "balance in (0, 50)",
        {"0": 7, "50": 7, "-50 WRONG": 6},
    ),
    "bank with a lock": Case(
        BANK,
        ["withdraw_with_lock(100)", "withdraw_with_lock(50)"],
        "balance",
        "balance in (0, 50)",
        {"0": 6, "50": 6},
    ),
    "lost update": Case(
        COUNT, ["add()", "add()"], "count", "count == 2", {"2": 2, "1 WRONG": 18}
    ),
    "three threads": Case(
        COUNT,
        ["add()"] * 3,
        "count",
        "count == 3",
        {"3": 6, "2 WRONG": 270, "1 WRONG": 1_404},
    ),
    "within a line": Case(
        COUNT,
        ["add_in_place()", "add_in_place()"],
        "count",
        "count == 2",
        {"2": 2, "1 WRONG": 4},
        fine=True,
    ),
    "ten lines": Case(
        COUNT,
        ["ten()", "ten()"],
        "count",
        "count == 16",
        {"16": 2, "8 WRONG": 184_754},
    ),
    "lost wake-up": Case(
        CONDITION,
        ["wait_late()", "tell()"],
        "got",
        "got == ['woke']",
        {"['woke']": 20, "deadlock WRONG": 3},
    ),
    "if for while": Case(
        CONDITION,
        ["take_if()", "take_if()", "put_two()"],
        "len(got)",
        "len(got) == 2",
        {
            "2": 110_964,
            f"1; thread 0 {EMPTY} WRONG": 50_416,
            f"1; thread 1 {EMPTY} WRONG": 50_416,
        },
    ),
    "philosophers": Case(
        FORKS,
        ["dine(0)", "dine(1)", "dine(2)"],
        "len(eaten)",
        "len(eaten) == 3",
        {"3": 6_522, "deadlock WRONG": 48},
    ),
    "queue": Case(
        QUEUE,
        ["take()", "take()"],
        "got",
        "got == ['job']",
        {"['job']": 2, "deadlock WRONG": 4},
    ),
}


def make_program(folder: Path, case: Case) -> Program:
    if case.fine and sys.version_info[:2] == CRASHES:
        pytest.skip("Python 3.12 may crash if instructions are traced")
    path = folder / "program.py"
    path.write_text(case.source, encoding="utf-8")
    return Program(str(path), case.calls, case.show, check=case.check, fine=case.fine)


def count_outcomes(program: Program) -> dict[str, int]:
    """Return how many orders lead to each outcome, as the tool counts them."""
    return name_outcomes(orders.run_every_order(program))


def name_outcomes(found: orders.Outcomes) -> dict[str, int]:
    """Return how many orders lead to each outcome, with the wrong ones marked."""
    return {f"{k} WRONG" if v.is_wrong else k: v.number for k, v in found.items()}


def count_one_by_one(program: Program) -> dict[str, int]:
    """Return the same, but run each order to its end, and merge nothing."""
    counts = Counter[str]()
    prefixes: list[list[int]] = [[]]
    while prefixes:
        prefix = prefixes.pop()

        def choose(run: Run, ready: list[int], prefix: list[int] = prefix) -> int:
            step = len(run.order)
            if step < len(prefix):
                return prefix[step]
            prefixes.extend([*run.order, other] for other in ready[1:])
            return ready[0]

        outcome = Run(program, choose).run()
        assert outcome is not None
        counts[f"{outcome[0]} WRONG" if outcome[1] else outcome[0]] += 1
    return counts


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_all_orders_are_counted_and_an_example_is_one_of_them(
    case: Case, tmp_path: Path
) -> None:
    program = make_program(tmp_path, case)
    found = orders.run_every_order(program)
    assert name_outcomes(found) == case.counts
    for outcome, ways in found.items():
        lines, is_wrong = orders.run_order(program, ways.example)
        end = f"outcome: {outcome}" + ("   WRONG" if ways.is_wrong else "")
        assert (lines[-1], is_wrong) == (end, ways.is_wrong)


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize(
    ("source", "calls"),
    [
        (COUNT, ["add_in_place()"] * 3),
        (BANK, ["withdraw(100)", "withdraw(50)"]),
        (BANK, ["withdraw_with_lock(100)", "withdraw_with_lock(50)"]),
        (CONDITION, ["wait_late()", "tell()"]),
        (CONDITION, ["take()", "put()"]),
        (QUEUE, ["take()", "take()"]),
        (QUEUE, ["take_in_time()", "take_in_time()"]),
        (HIDDEN, ["half_sum()", "half_sum()"]),
        (HIDDEN, ["add_in_place()", "add_in_place()"]),
        (HIDDEN, ["finish()", "get_one()"]),
        (HIDDEN, ["put()", "bump()"]),
        (HIDDEN, ["use_it()", "use_it()"]),
        (HIDDEN, ["squares()", "get_one()"]),
        (HIDDEN, ["use_generator()", "get_one()"]),
        (HIDDEN, ["one.add()", "two.add()"]),
        (HIDDEN, ["for_range()", "get_one()"]),
        (HIDDEN, ["for_each()", "get_one()"]),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else "",
)
def test_merging_equal_states_changes_no_count(
    source: str, calls: list[str], fine: bool, tmp_path: Path
) -> None:
    names = {"balance", "count", "got", "total", "log", "numbers", "Account"} & set(
        source.replace(",", " ").replace(":", " ").split()
    )
    if "Account" in names:
        names.remove("balance")
    show = ", ".join(f"{name}.balance" if name == "Account" else name for name in names)
    case = Case(source, calls, f"{show},", "True", {}, fine=fine)
    program = make_program(tmp_path, case)
    counts = count_outcomes(program)
    assert "Error" not in "".join(counts), "the values can't be shown"
    assert counts == count_one_by_one(program)


def test_the_example_changes_threads_least_often(tmp_path: Path) -> None:
    program = make_program(tmp_path, CASES["lost update"])
    wrong = [
        "".join(order)
        for order in sorted(set(itertools.permutations("000111")))
        if orders.run_order(program, "".join(order))[1]
    ]
    fewest = min(wrong, key=lambda order: order.count("01") + order.count("10"))
    assert orders.run_every_order(program)["1"].example == fewest == "001110"


def test_a_livelock_goes_on_for_ever_and_a_busy_wait_ends(tmp_path: Path) -> None:
    source = (
        "ready, wants = False, [False, False]\n"
        "def tell():\n    global ready\n    ready = True\n"
        "def spin():\n    while not ready:\n        pass\n"
        "def polite(me):\n    wants[me] = True\n    while wants[1 - me]:\n"
        "        wants[me] = False\n        wants[me] = True\n    wants[me] = False\n"
    )
    spin = Case(source, ["spin()", "tell()"], "ready", "ready", {})
    # tell runs before spin looks, or before it waits. To look again changes nothing.
    assert count_outcomes(make_program(tmp_path, spin)) == {"True": 2}
    polite = Case(source, ["polite(0)", "polite(1)"], "wants", "True", {})
    counts = count_outcomes(make_program(tmp_path, polite))
    assert set(counts) == {"[False, False]", "goes on forever WRONG"}


def test_an_order_is_drawn_with_a_column_for_each_thread(tmp_path: Path) -> None:
    program = make_program(tmp_path, CASES["bank"])
    assert orders.run_order(program, "0111")[0] == [
        "  thread 0: withdraw(100)  thread 1: withdraw(50)   balance",
        "1 if balance >= amount:                             100",
        "2                          if balance >= amount:    100",
        "3                          rest = balance - amount  100",
        "4                          balance = rest           50",
        "5 rest = balance - amount                           50",
        "6 balance = rest                                    -50",
        "outcome: -50   WRONG",
    ]


def test_an_order_says_who_waits_and_whose_time_is_up(tmp_path: Path) -> None:
    take_in_time = Case(QUEUE, ["take_in_time()"] * 2, "got", "True", {})
    lines, _ = orders.run_order(make_program(tmp_path, take_in_time), "0011")
    notes = [line.partition("  (")[2].split(")")[0] for line in lines]
    assert list(filter(None, notes)) == ["waits", "time is up"]


def test_the_table_is_the_same_on_every_python(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text(BANK, encoding="utf-8")
    calls = ["withdraw(100)", "withdraw(50)"]
    check = ["--show", "balance", "--check", "balance in (0, 50)"]
    result = run_python(ROOT / "orders.py", "bank.py", *calls, *check, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "   orders  one of them  balance",
        "        7  0001         0",
        "        7  1110         50",
        "        6  011100       -50   WRONG",
        "6 of 20 orders are wrong.",
    ]


def test_no_wrong_order_is_exit_status_0(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text(BANK, encoding="utf-8")
    calls = ["withdraw_with_lock(100)", "withdraw_with_lock(50)"]
    check = ["--show", "balance", "--check", "balance in (0, 50)"]
    result = run_python(ROOT / "orders.py", "bank.py", *calls, *check, cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1] == "0 of 12 orders are wrong."


def test_it_says_when_it_stopped_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(orders, "MAX_RUNS", 3)
    program = make_program(tmp_path, CASES["bank with a lock"])
    assert orders.print_outcomes(program, orders.run_every_order(program))
    *_, wrong, stopped = capsys.readouterr().out.splitlines()
    assert wrong.startswith("0 of ")
    assert stopped == "Stopped early, after 3 runs or 60 seconds."


def test_an_order_that_is_too_long_is_wrong(tmp_path: Path) -> None:
    source = "got = []\ndef fill():\n    while True:\n        got.append(1)\n"
    program = make_program(tmp_path, Case(source, ["fill()"] * 2, "got", "True", {}))
    assert orders.run_order(program, "")[0][-1] == (
        "outcome: takes too many steps   WRONG"
    )


def test_calls_that_differ_from_run_to_run_are_refused(tmp_path: Path) -> None:
    source = (
        "import itertools, sys\n"
        "runs = sys.__dict__.setdefault('runs', itertools.count())\n"
        "run = next(runs)\n"
        "def call():\n    if run % 2:\n        run + 1\n        run + 2\n"
    )
    program = make_program(tmp_path, Case(source, ["call()"] * 2, "run", "1", {}))
    with pytest.raises(OrdersError, match="don't run the same lines each time"):
        orders.run_every_order(program)


@pytest.mark.skipif(sys.version_info[:2] != CRASHES, reason="this Python traces it")
def test_steps_within_a_line_are_refused_where_python_may_crash(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(COUNT, encoding="utf-8")
    with pytest.raises(OrdersError, match=r"can't be run on Python 3\.12"):
        Program(str(tmp_path / "program.py"), ["add()"] * 2, "count", fine=True)


def test_lines_of_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def help():\n    pass\n")
    source = "import helper\ndef use():\n    helper.help()\n"
    program = make_program(tmp_path, Case(source, ["use()"] * 2, "1", "True", {}))
    orders.run_every_order(program)
    assert program.not_seen == {"helper.py"}


STARTS = """
import asyncio, concurrent.futures, multiprocessing, threading

def thread():
    threading.Thread(target=print).start()

def pool():
    with concurrent.futures.ThreadPoolExecutor() as executor:
        executor.submit(print)

def process():
    multiprocessing.Process(target=print).start()

def processes():
    with concurrent.futures.ProcessPoolExecutor() as executor:
        executor.submit(print)

def loop():
    asyncio.run(asyncio.sleep(0))

async def coroutine():
    pass

def forever():
    threading.Event().wait(0)
    real.acquire()

def raise_it():
    raise SystemExit("no")
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py", "a()", "b()", "--show", "1"], "missing.py: "),
        ([".", "a()", "b()", "--show", "1"], ".: "),
        (["broken.py", "a()", "b()", "--show", "1"], "broken.py: SyntaxError: "),
        (["ends.py", "a()", "b()", "--show", "1"], "ends.py: SystemExit: 3"),
        (["starts.py", "pool()", "--show", "1"], "give two or three calls"),
        (["starts.py", *["pool()"] * 4, "--show", "1"], "give two or three calls"),
        (["starts.py", "pool()", "pool()"], "the following arguments are required"),
        (["starts.py", "pool", "pool()", "--show", "1"], "pool: TypeError: not a call"),
        (["starts.py", "no()", "pool()", "--show", "1"], "no(): NameError: name 'no'"),
        (["starts.py", "a b", "pool()", "--show", "1"], "a b: SyntaxError: "),
        (
            ["starts.py", "raise_it()", "raise_it()", "--show", "("],
            "--show: SyntaxError",
        ),
        (
            ["starts.py", "len('')", "len('')", "--show", "1", "--check", "x"],
            "--check: NameError: name 'x'",
        ),
        (
            ["starts.py", "len('')", "len('')", "--show", "1", "--setup", "x"],
            "--setup: ",
        ),
        (
            ["starts.py", "raise_it()", "raise_it()", "--show", "1", "--order", "0x"],
            "--order: thread x can't go on at turn 2",
        ),
        (
            ["starts.py", "thread()", "thread()", "--show", "1"],
            "a thread or a pool inside a call can't be run in order",
        ),
        (
            ["starts.py", "pool()", "pool()", "--show", "1"],
            "a thread or a pool inside a call can't be run in order",
        ),
        (
            ["starts.py", "process()", "process()", "--show", "1"],
            "a process can't be run in order",
        ),
        (["starts.py", "processes()", "processes()", "--show", "1"], "can't be run"),
        (
            ["starts.py", "loop()", "loop()", "--show", "1"],
            "asyncio can't be run in order",
        ),
        (["starts.py", "coroutine()", "pool()", "--show", "1"], "coroutine(): "),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_cant_be_run_is_said_in_a_line(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "starts.py").write_text(STARTS, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def (", encoding="utf-8")
    (tmp_path / "ends.py").write_text("raise SystemExit(3)", encoding="utf-8")
    result = run_python(ROOT / "orders.py", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout.startswith("orders.py: ")
    assert message in result.stdout
    assert result.stdout.count("\n") == 1, result.stdout


def test_a_thread_that_waits_out_of_sight_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common_orders.MAX_SECONDS_FOR_A_LINE", 0.1)
    source = (
        "import os\nread, write = os.pipe()\n"
        "def wait():\n    os.read(read, 1)\n\ndef tell():\n    os.write(write, b'x')\n"
    )
    program = make_program(tmp_path, Case(source, ["wait()", "tell()"], "1", "1", {}))
    with pytest.raises(OrdersError, match=r"can't see: os\.read\(read, 1\)"):
        orders.run_every_order(program)
    os.write(program.names["write"], b"x")


PLAY = "Thread (0, 1; u: undo, q: quit)? "


def start_play(folder: Path, answers: str) -> tuple[int, str]:
    """Play the bank with these answers on standard input; return status and output."""
    (folder / "bank.py").write_text(BANK, encoding="utf-8")
    (folder / "play.py").write_text(
        "import io, sys\n"
        f"sys.stdin, sys.path[:0] = io.StringIO({answers!r}), [{str(ROOT)!r}]\n"
        "import orders\nraise SystemExit(orders.main())\n"
    )
    calls = ["withdraw(100)", "withdraw(50)", "--show", "balance"]
    check = ["--check", "balance in (0, 50)", "--play"]
    result = run_python("play.py", "bank.py", *calls, *check, cwd=folder)
    return result.returncode, result.stdout


def test_playing_asks_before_each_step_and_says_how_to_repeat_it(
    tmp_path: Path,
) -> None:
    status, said = start_play(tmp_path, "0\n1\n1\n1\n0\n0\n")
    assert status == 1
    assert said.startswith(
        "\nbalance: 100\n"
        "  0  withdraw(100)  if balance >= amount:\n"
        "  1  withdraw(50)  if balance >= amount:\n" + PLAY
    )
    assert said.endswith("outcome: -50   WRONG\nAgain: --order 011100\n")


@pytest.mark.parametrize("end", ["q\n", ""])
def test_playing_can_be_undone_and_left(tmp_path: Path, end: str) -> None:
    status, said = start_play(tmp_path, "0\nu\nu\n1\n7\nnonsense\n" + end)
    assert status == 0
    assert said.count(PLAY) == 7 if end else 6
    assert said.endswith("Again: --order 1\n")


@posix_only
def test_ctrl_c_ends_a_play_and_a_count_at_once(tmp_path: Path) -> None:
    source = "import os\nprint('x')\nopen('loaded', 'w').close()\n" + COUNT
    (tmp_path / "program.py").write_text(source, encoding="utf-8")
    command = ["program.py", *["ten()"] * 3, "--show", "count"]
    with start_python(ROOT / "orders.py", *command, cwd=tmp_path) as program:
        while not (tmp_path / "loaded").exists():
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        said, _ = program.communicate(timeout=PATIENCE_SECONDS)
    assert (program.returncode, said) == (130, "")
