"""Each script shows its problem and its solution, and says so where one is missing."""

import ast
import re
import sys
from pathlib import Path

import pytest
from helpers import (
    ROOT,
    SHOWN,
    WITHOUT_WORKERS,
    copy_collection,
    read_lines,
    read_messages,
    run_python,
    skip_if_it_cannot_run,
    split_by_speaker,
    verdicts,
)

from common_logging import NO_PROBLEM, NOT_SHOWN
from timeline import Bar, add_up, find_bars, split_scenarios

SCRIPTS = sorted(path.name for path in ROOT.glob("*-*.py"))
# These need idle cores, so where there are none, they say that it can't be shown.
MEASURED = (
    "multiprocess-basic.py",
    "multiprocess-chunks.py",
    "multiinterpreter-basic.py",
)
# How a script runs a scenario: which name it gives it, and which function it runs.
SCENARIO = re.compile(r"run_scenario\((\"[^\"]+\"), (\w+)\)")

# What to replace in a script by what, so that its problem or its solution is missing.
# It then says that something is wrong, and has exit status 1.
CHANGES = {
    "multithreaded-basic.py": [
        {"max_workers=THREADS": "max_workers=1", "randint(0, 4)": "randint(1, 1)"},
        {"time.sleep(seconds)": "time.sleep(seconds + 2)"},
    ],
    "multithreaded-locks.py": [
        {"        with LOCK:": "        if True:"},
        {"with LOCK:": "with threading.Lock():"},
        {"STEPS = (1, -1)": "STEPS = (1, 1)"},
    ],
    "multithreaded-exceptions.py": [
        {"            future.result()\n": "            pass\n"},
        {"RAISING_THREADS:": "RAISING_THREADS[:1]:"},
    ],
    "multithreaded-interleavings.py": [
        {"    with LOCK:": "    if True:"},
        {'check="count == 2"': 'check="count"'},
    ],
    "multithreaded-caches.py": [{"    with LOCK:": "    if True:"}],
    "multithreaded-deadlocks.py": [
        {"sorted(TRANSFERS[thread_id])": "TRANSFERS[thread_id]"},
        {"time.sleep(0.5)": "pass", "START.wait()": "time.sleep(thread_id / 2)"},
    ],
    "multithreaded-starvation.py": [
        {"load_all(page_pool, image_pool)": "load_all(page_pool, page_pool)"},
    ],
    "multithreaded-timeouts.py": [
        {" and not STOP.is_set()": ""},
        {"STOP.set()": "pass"},
        {"TIMEOUT_SECONDS = 0.55": "TIMEOUT_SECONDS = 5"},
    ],
    "multithreaded-interrupts.py": [
        {"cancel_futures=True": "cancel_futures=False"},
        {"STOP.set()": "pass"},
        {"signal.raise_signal(signal.SIGINT)": "pass"},
    ],
    "multithreaded-backpressure.py": [
        {"len(futures) == BOUND": "len(futures) == TASKS"},
        {"TASKS = 2 * BOUND": "TASKS = BOUND"},
    ],
    "multithreaded-queues.py": [
        {"(CONSUMERS):\n        items.put(SENT": "(1):\n        items.put(SENT"},
        {"CONSUMERS = 2": "CONSUMERS = 1"},
    ],
    "multithreaded-context.py": [
        {"copy_context().run, query": "query"},
    ],
    "multithreaded-asyncio.py": [
        {"await asyncio.to_thread(query)": "query()"},
    ],
    "multithreaded-downloads.py": [{'"/gone", ': ""}],
    "multithreaded-first.py": [
        {"    STOP.set()\n": ""},
        {", return_when=FIRST_COMPLETED": ""},
    ],
    "multithreaded-limits.py": [
        {"    with SLOTS:\n": "    if True:\n"},
        {"CALLERS = 4": "CALLERS = 2"},
    ],
    "multithreaded-databases.py": [
        {"TIMEOUT_SECONDS = 5.0": "TIMEOUT_SECONDS = 0.1"},
        {"(0.5, 1.0)": "(0.5,)"},
    ],
    "multithreaded-conditions.py": [
        {"CONDITION.notify()": "pass"},
        {"time.sleep(SWITCH_SECONDS)": "pass"},
    ],
    "multithreaded-owners.py": [{"return price == right_price": "return False"}],
    "multithreaded-daemons.py": [{"    stop.set()": "    pass"}],
    "multithreaded-termination.py": [{"    stop.set()": "    pass"}],
    "multiprocess-chunks.py": [{", chunksize=CHUNK": ""}],
    "multiprocess-pickling.py": [
        {"functools.partial(multiply, factor)": "lambda n: multiply(factor, n)"},
        {"return product": "return product + 1"},
    ],
    "multiprocess-guard.py": [
        {'__name__ == "__main__":\n    spawn': "True:\n    spawn"},
    ],
    "multiprocess-globals.py": [{"count += sum(changes)": "list(changes)"}],
    "multiprocess-locks.py": [
        {"with count.get_lock():": "if True:"},
        {"STEPS = (1, -1)": "STEPS = (1, 1)"},
    ],
    "multiprocess-exceptions.py": [
        {"super().__init__(process_id, reason)": "super().__init__(reason)"},
        {"RAISING_PROCESS = 1": "RAISING_PROCESS = 3"},
    ],
    "multiprocess-crashes.py": [
        {"os._exit(1)": "pass"},
        {"results |= run_in_pool([process_id])": "pass"},
        {"run_in_pool([process_id])": "run_in_pool(range(PROCESSES))"},
    ],
    "multiprocess-logging.py": [
        {", initializer=set_up_queue, initargs=(queue,)": ""},
        {"*AUDIT_LOGGER.handlers": ""},
    ],
    "multiprocess-files.py": [{'path.with_suffix(".new")': "path"}],
    "multiprocess-forks.py": [
        {"in reversed(range(PROCESSES))": "in list(range(PROCESSES))"}
    ],
    "multiprocess-orphans.py": [{"args=(program.join,)": "args=(time.sleep, 30)"}],
    "distributed-basic.py": [
        {"start_machines(1)": "start_machines(MACHINES)"},
        {"start_machines(MACHINES)": "start_machines(2)"},
    ],
    "distributed-crashes.py": [
        {"os._exit(1)": "pass"},
        {"return run_tasks(client.get_executor(pure=False))": "return run_in_pool()"},
    ],
}


@pytest.mark.parametrize(
    ("script", "change"),
    [
        pytest.param(script, change, id=f"{script} {next(iter(change))[:30]}")
        for script, changes in CHANGES.items()
        for change in changes
    ],
)
def test_without_its_problem_or_its_solution_it_fails(
    script: str, change: dict[str, str], folder: Path
) -> None:
    skip_if_it_cannot_run(script)
    changed = copy_collection(folder, script, *change.items())
    run = run_python(changed, cwd=folder)
    # A script that measures may also say that it can't be shown.
    assert run.returncode in ((1, 2) if script in MEASURED else (1,)), run.stdout
    assert "Traceback" not in run.stdout
    # It says so, too: not every scenario ends as it should.
    assert verdicts(run.stdout) != SHOWN.get(script, ["problem", "solved"])


def find_scenarios(script: str) -> list[re.Match[str]]:
    """Return where a script runs its two scenarios, if it has two."""
    return list(SCENARIO.finditer((ROOT / script).read_text("utf-8")))


@pytest.mark.parametrize("script", [s for s in SCRIPTS if find_scenarios(s)])
@pytest.mark.parametrize("shown", [0, 1], ids=["problem", "solution"])
def test_one_scenario_twice_fails(script: str, shown: int, folder: Path) -> None:
    skip_if_it_cannot_run(script)
    problem, solution = find_scenarios(script)
    there, other = (problem, solution) if shown else (solution, problem)
    twice = (there[0], there[0].replace(f", {there[2]})", f", {other[2]})"))
    run = run_python(copy_collection(folder, script, twice), cwd=folder)
    said = verdicts(run.stdout)
    if script in MEASURED:
        # Where few cores are free, the first of two solutions may look like a problem.
        assert shown or run.returncode in (1, 2), run.stdout
        return
    assert run.returncode == 1, run.stdout
    assert said == (["solved", "solved", "failed"] if shown else ["problem"] * 2)
    assert run.stdout.count(NO_PROBLEM) == shown


def test_every_script_is_changed() -> None:
    for script in SCRIPTS:
        changes = len(CHANGES.get(script, [])) + len(find_scenarios(script))
        assert changes >= 2, f"add two changes of {script} to CHANGES"
    assert not set(CHANGES) - set(SCRIPTS), "CHANGES has a script that is not there"


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_is_ok_and_keeps_the_log_contract(script: str, folder: Path) -> None:
    skip_if_it_cannot_run(script)
    copy_collection(folder)
    run = run_python(folder / script, cwd=ROOT.parent)
    said = verdicts(run.stdout)
    if script in MEASURED and "not shown" in said:
        assert run.returncode == 2, run.stdout
        has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        assert not (has_gil and said[:2] == ["problem", "solved"]), run.stdout
    else:
        assert run.returncode == 0, run.stdout
        assert said == SHOWN.get(script, ["problem", "solved"])
    log = read_lines(run.stdout)
    lines = run.stdout.splitlines()
    assert len(log) == len(lines), f"not only log lines:\n{run.stdout}"
    assert len(log) < 30, f"{len(log)} lines: log fewer, or have fewer tasks"
    assert {name for name, _, _ in log} == {"__main__"}
    # Only what Python says about an exception may be longer.
    long = [line for line in lines if len(line) > 115 and "Error: " not in line]
    assert not long, "longer than 115 characters"

    for _, level, message in log:
        should = " should " in message or message.startswith(NOT_SHOWN)
        assert should == (level == "WARNING"), message

    workers = split_by_speaker(read_messages(run.stdout))
    workers.pop("main")
    assert bool(workers) == (script not in WITHOUT_WORKERS)
    for worker, said in workers.items():
        check_both_ends(worker, said)


def check_both_ends(worker: str, lines: list[str]) -> None:
    """Check that a worker finishes what it started, and starts what it finishes.

    Only one that the script says has raised, or was lost, need not have finished.
    """
    raised = any(re.match(rf"{worker} (raised|lost) ", line) for line in lines)
    under_way = ""
    for line in lines:
        event = re.match(rf"{worker} (started|finished) (\w+)", line)
        if event and event[1] == "started":
            assert raised or not under_way, f"{worker} never finished {under_way}"
            under_way = event[2]
        elif event:
            assert under_way == event[2], f"{worker} never started {event[2]}"
            under_way = ""
    assert raised or not under_way, f"{worker} never finished {under_way}"


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


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_is_short_and_says_what_there_is_to_see(script: str) -> None:
    source = (ROOT / script).read_text("utf-8")
    assert len(source.splitlines()) <= 100
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring is not None
    summary, problem_and_solution, command = docstring.split("\n\n")
    # In a list of all scripts, it must fit beside the longest name.
    assert len(summary) <= 49
    assert re.fullmatch(r"(?s)Problem: .*\.\nSolution: .*\.", problem_and_solution)
    assert command.startswith(f"Run: python3 {script}")


# What the collection promises by name.


def run_script(
    folder: Path, script: str, *changes: tuple[str, str]
) -> list[tuple[str, str, str]]:
    """Run a script that should be ok; return its log lines."""
    run = run_python(copy_collection(folder, script, *changes), cwd=folder)
    assert run.returncode == 0, run.stdout
    return read_lines(run.stdout)


def test_five_threads_are_in_foo_at_once(folder: Path) -> None:
    # The barrier lets no thread go on before all five have come.
    barrier = "__import__('threading').Barrier(THREADS, timeout=20)"
    run_script(
        folder,
        "multithreaded-basic.py",
        ("THREADS = 5\n", f"THREADS = 5\nBARRIER = {barrier}\n"),
        ("time.sleep(seconds)", "BARRIER.wait()\n    seconds = 0"),
    )


def test_the_count_ends_at_0_under_the_lock_only(folder: Path) -> None:
    log = run_script(folder, "multithreaded-locks.py")
    [race] = [message for _, level, message in log if level == "WARNING"]
    assert re.fullmatch(r"Count is: -?[1-9]\d* but should be 0!", race)
    assert log[-1] == ("__main__", "INFO", "Count is 0, congratulations!")


@pytest.mark.parametrize("script", ["multithreaded-locks.py", "multiprocess-locks.py"])
def test_both_read_0_without_the_lock_and_only_one_under_it(
    script: str, folder: Path
) -> None:
    messages = [message for _, _, message in run_script(folder, script)]
    safe = messages.index("Running safe scenario!")
    for lines, zeros in ((messages[:safe], 2), (messages[safe:], 1)):
        assert sum(line.endswith(" got the count: 0") for line in lines) == zeros


# Which scenario of a script has how many workers that wait for which part of their time
# or more. In the last one, a process waits as long as it then works, but starts first.
WAITING = [
    ("multithreaded-asyncio.py", "blocked loop", 1, 0.5),
    ("multithreaded-deadlocks.py", "deadlock", 2, 0.5),
    ("multithreaded-starvation.py", "one pool", 2, 0.5),
    ("multithreaded-caches.py", "lock", 2, 0.5),
    ("multiprocess-locks.py", "safe", 1, 0.2),
]


@pytest.mark.parametrize(("script", "name", "waiting", "part"), WAITING)
def test_the_timeline_shows_who_waits(
    script: str, name: str, waiting: int, part: float, folder: Path
) -> None:
    run = run_python(copy_collection(folder, script), cwd=folder)
    heading = f"Running {name} scenario!"
    lines = next(s for s in split_scenarios(run.stdout) if s[0].message == heading)
    # A blocked worker must not look as if it were working.
    shares = [add_up(row, "░") / seconds(row) for row in find_bars(lines).values()]
    assert sum(share >= part for share in shares) == waiting, shares


def seconds(bars: list[Bar]) -> float:
    """Return for how long a worker was drawn as running or waiting."""
    return add_up(bars, "█") + add_up(bars, "░") or 1


def test_18_of_20_orders_lose_an_update_and_with_a_lock_none(folder: Path) -> None:
    log = run_script(folder, "multithreaded-interleavings.py")
    assert [message for _, _, message in log if message.startswith("Wrong")] == [
        "Wrong orders: 18 of 20 but should be 0!",
        "Wrong orders: 0 of 10, congratulations!",
    ]


def test_each_exception_is_seen_with_its_thread(folder: Path) -> None:
    log = run_script(folder, "multithreaded-exceptions.py")
    raised = [message for _, _, message in log if " raised " in message]
    assert raised == [
        "Thread: 1 raised ValueError('no result from thread 1')",
        "Thread: 3 raised ValueError('no result from thread 3')",
    ]


@pytest.mark.parametrize("kind", ["Process", "Interpreter"])
def test_workers_that_should_not_be_threads_are_none(kind: str, folder: Path) -> None:
    script = f"multi{kind.lower()}-basic.py"
    skip_if_it_cannot_run(script)
    # In each process and in each interpreter, this module is another object.
    place = "{__import__('os').getpid()}-{id(LOGGER)}"
    change = ("{share} started", f"{{share}} started in {place}")
    run = run_python(copy_collection(folder, script, change), cwd=folder)
    # With exit status 2, no core was free.
    assert run.returncode in (0, 2), run.stdout
    places = {
        worker: set(re.findall(rf"{worker}: \d started in (\S+)", run.stdout))
        for worker in ("Thread", kind)
    }
    assert len(places["Thread"]) == 1
    assert places[kind]
    assert places["Thread"].isdisjoint(places[kind])


def test_what_a_crash_has_lost_runs_again(folder: Path) -> None:
    log = run_script(folder, "multiprocess-crashes.py")
    started = [message for _, _, message in log if "started" in message]
    # In the second scenario all but process 0, which had finished, start twice.
    assert [sum(f"Process: {i} " in line for line in started) for i in range(4)] == [
        2,
        3,
        3,
        3,
    ]
