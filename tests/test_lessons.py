"""Each script shows its problem and its solution, and says so where one is missing."""

import ast
import re
from pathlib import Path

import pytest
from helpers import (
    LINE,
    ROOT,
    WITHOUT_WORKERS,
    copy_collection,
    read_messages,
    run_python,
    skip_if_it_cannot_run,
    split_by_speaker,
)

import run as runner

SCRIPTS = sorted(path.name for path in ROOT.glob("*-*.py"))
# How the scenarios of scripts end that have not one problem and one solution.
SHOWN = {"multithreaded-basic.py": ["solved"], "distributed-basic.py": ["solved"]}
# Whether these are faster is up to the machine.
UNJUDGED = ("multiprocess-basic.py", "multiinterpreter-basic.py")

# Enough where speed does not matter.
FEW_NUMBERS = {"NUMBERS = 800_000": "NUMBERS = 80_000"}

# A script, and what to replace in it by what: without its problem, or without its
# solution, it says that something is wrong, and ends with exit status 1.
CHANGES = {
    "multithreaded-basic.py": [
        {"max_workers=THREADS": "max_workers=1", "randint(0, 4)": "randint(1, 1)"},
        {"time.sleep(seconds)": "time.sleep(seconds + 2)"},
    ],
    "multithreaded-locks.py": [
        {"run_scenario(foo_without_locks)": "run_scenario(foo_with_locks)"},
        {"        with LOCK:": "        if True:"},
        {"with LOCK:": "with threading.Lock():"},
        {"STEPS = (1, -1)": "STEPS = (1, 1)"},
    ],
    "multithreaded-exceptions.py": [
        {"run_scenario(run_without_asking)": "run_scenario(run_with_asking)"},
        {"            future.result()\n": "            pass\n"},
        {"RAISING_THREADS:": "RAISING_THREADS[:1]:"},
    ],
    "multithreaded-interleavings.py": [
        {"run_scenario(add_without_lock)": "run_scenario(add_with_lock)"},
        {"    with LOCK:": "    if True:"},
    ],
    "multithreaded-caches.py": [
        {"run_scenario(get_without_lock)": "run_scenario(get_with_lock)"},
        {"    with LOCK:": "    if True:"},
    ],
    "multithreaded-deadlocks.py": [
        {"run_scenario(transfer_in_own": "run_scenario(transfer_in_same"},
        {"sorted(TRANSFERS[thread_id])": "TRANSFERS[thread_id]"},
    ],
    "multithreaded-starvation.py": [
        {"in_one_pool = load_in_one_pool()": "in_one_pool = load_in_two_pools()"},
        {"load_page, task_id, images": "load_page, task_id, pool"},
    ],
    "multithreaded-timeouts.py": [
        {"run_scenario(download_without": "run_scenario(download_with"},
        {" and not STOP.is_set()": ""},
        {"STOP.set()": "pass"},
        {"TIMEOUT_SECONDS = 0.55": "TIMEOUT_SECONDS = 5"},
    ],
    "multithreaded-interrupts.py": [
        {"run_scenario(interrupt_without": "run_scenario(interrupt_with"},
        {"cancel_futures=True": "cancel_futures=False"},
        {"signal.raise_signal(signal.SIGINT)": "pass"},
    ],
    "multithreaded-backpressure.py": [
        {"run_scenario(run_without": "run_scenario(run_with"},
        {"len(futures) == BOUND": "len(futures) == TASKS"},
        {"    in_memory -= 1": "    pass"},
    ],
    "multithreaded-queues.py": [
        {"(produce_with_one_sentinel)": "(produce_with_a_sentinel_each)"},
        {"(CONSUMERS):\n        items": "(1):\n        items"},
    ],
    "multithreaded-context.py": [
        {"run_scenario(submit_without": "run_scenario(submit_with"},
        {"contextvars.copy_context().run, query": "query"},
    ],
    "multithreaded-asyncio.py": [
        {"run_scenario(query_in_loop())": "run_scenario(query_in_thread())"},
        {"await loop.run_in_executor(POOL, query)": "query()"},
    ],
    "multiprocess-basic.py": [
        {"range(3 + 2 * share": "range(5 + 2 * share", **FEW_NUMBERS},
        {"return primes\n": "return primes + (worker == 'Process')\n", **FEW_NUMBERS},
    ],
    "multiprocess-chunks.py": [
        {"NUMBERS)\n\n\ndef send_in": "NUMBERS, chunksize=CHUNK)\n\n\ndef send_in"},
        {", chunksize=CHUNK": ""},
    ],
    "multiprocess-pickling.py": [
        {"run_scenario(make_nested_function": "run_scenario(make_partial"},
        {"functools.partial(multiply, factor)": "lambda n: multiply(factor, n)"},
        {"return product": "return product + 1"},
    ],
    "multiprocess-guard.py": [
        {"run_scenario(WITHOUT_GUARD)": "run_scenario(WITH_GUARD)"},
        {'__name__ == "__main__":\n    spawn': "True:\n    spawn"},
    ],
    "multiprocess-globals.py": [
        {"run_scenario(run_with_global)": "run_scenario(run_with_results)"},
        {"count += sum(executor": "list(executor"},
    ],
    "multiprocess-locks.py": [
        {"run_scenario(foo_without_locks)": "run_scenario(foo_with_locks)"},
        {"with count.get_lock():": "if True:"},
        {"STEPS = (1, -1)": "STEPS = (1, 1)"},
    ],
    "multiprocess-exceptions.py": [
        {"run_scenario(FragileError)": "run_scenario(SturdyError)"},
        {"super().__init__(process_id, reason)": "super().__init__(reason)"},
    ],
    "multiprocess-crashes.py": [
        {"os._exit(1)": "pass"},
        {"results |= run_in_pool([process_id])": "pass"},
        {"run_in_pool([process_id])": "run_in_pool(range(PROCESSES))"},
    ],
    "multiprocess-logging.py": [
        {"run_scenario(log_to_file)": "run_scenario(log_to_queue)"},
        {"=use_queue, initargs=(queue,)": "=use_file, initargs=(path,)"},
    ],
    "multiinterpreter-basic.py": [
        {"range(3 + 2 * share": "range(5 + 2 * share", **FEW_NUMBERS},
        {"return primes\n": "return primes + (worker != 'Thread')\n", **FEW_NUMBERS},
    ],
    "multiinterpreter-pickling.py": [
        {"run_scenario(make_nested_function": "run_scenario(make_partial"},
        {"functools.partial(multiply, factor)": "lambda n: multiply(factor, n)"},
    ],
    "distributed-basic.py": [
        {
            "threads_per_worker=3": "threads_per_worker=1",
            "randint(0, 4)": "randint(2, 2)",
        },
        {
            "list(executor.map(foo, range(TASKS)))": (
                "[executor.submit(foo, i).result() for i in range(TASKS)]"
            ),
            "randint(0, 4)": "randint(1, 1)",
        },
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
    assert run.returncode == 1, run.stdout
    assert "Traceback" not in run.stdout
    # It says so, too: not every scenario ends as it should.
    if script not in UNJUDGED:
        assert verdicts(run.stdout) != SHOWN.get(script, ["problem", "solved"])


def test_every_script_is_changed() -> None:
    for script in SCRIPTS:
        changes = CHANGES.get(script, [])
        assert len(changes) >= 2, f"add two changes of {script} to CHANGES"
    assert sorted(CHANGES) == SCRIPTS, "CHANGES has a script that is not there"


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_is_ok_and_keeps_the_log_contract(script: str, folder: Path) -> None:
    skip_if_it_cannot_run(script)
    copy_collection(folder)
    run = run_python(folder / script, cwd=ROOT.parent)
    assert run.returncode == 0, run.stdout
    log = LINE.findall(run.stdout)
    lines = run.stdout.splitlines()
    assert len(log) == len(lines), f"not only log lines:\n{run.stdout}"
    assert len(log) < 30, f"{len(log)} lines: log fewer, or have fewer tasks"
    assert {name for name, _, _ in log} == {"__main__"}
    assert not [line for line in lines if len(line) > 100], "longer than 100 characters"

    if script not in UNJUDGED:
        assert verdicts(run.stdout) == SHOWN.get(script, ["problem", "solved"])
    for _, level, message in log:
        assert ("should" in message) == (level == "WARNING"), message

    workers = split_by_speaker(read_messages(run.stdout))
    workers.pop("main")
    assert bool(workers) == (script not in WITHOUT_WORKERS)
    for worker, said in workers.items():
        check_both_ends(worker, said)


def verdicts(log: str) -> list[str]:
    """Return how each scenario of a log ends: in its problem, or solved."""
    return [verdict for verdict, _, _ in runner.digest(log)]


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
    return LINE.findall(run.stdout)


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


def test_18_of_20_orders_lose_an_update_and_a_lock_leaves_2(folder: Path) -> None:
    log = run_script(folder, "multithreaded-interleavings.py")
    assert [message for _, _, message in log if message.startswith("Wrong")] == [
        "Wrong orders: 18 of 20 but should be 0!",
        "Wrong orders: 0 of 2, congratulations!",
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
    log = run_script(folder, script, change, *FEW_NUMBERS.items())
    places = {
        worker: set(re.findall(rf"{worker}: \d started in (\S+)", str(log)))
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
