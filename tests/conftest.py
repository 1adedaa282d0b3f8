"""Fixtures that load scripts, which have hyphens in their names, and that run them."""

import concurrent.futures
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Protocol

import pytest
from helpers import PATIENCE_SECONDS, ROOT, Cluster, end_session, run_python

# What a scheduler of Dask's says when it is ready, and when a worker is.
ADDRESS = re.compile(r"Scheduler at: +(\S+)")
REGISTERED = re.compile(r"Register worker .*name: (\w+)")

UserRun = subprocess.CompletedProcess[str]
# Returns where the changed file is.
ChangeScript = Callable[[str, str, str], Path]
RunChanged = Callable[[str, str, str], UserRun]
RunMainWith = Callable[[ModuleType, Sequence[object]], int]
# Returns the exit status of a script, run with a change to Python, and its log.
RunInterrupted = Callable[[str, str], tuple[int, str]]


class RunAsUser(Protocol):
    """What the fixture `run_as_user` returns."""

    def __call__(self, command: str, method: str = "") -> UserRun:
        """Run a command, with a start method for processes if one is given."""


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> None:
    """Let programs that tests start react to Ctrl-C.

    A shell that starts pytest in the background has it ignored, which they inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def load_script() -> Callable[[str], ModuleType]:
    """Return a function that loads a script as a module, anew at each call."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(
            name.removesuffix(".py").replace("-", "_"), ROOT / name
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def run_main_with(monkeypatch: pytest.MonkeyPatch) -> RunMainWith:
    """Return a function that runs a script's `main`, with outcomes for its scenarios.

    It returns the exit status, and checks that there were as many scenarios.
    """

    def run(script: ModuleType, outcomes: Sequence[object]) -> int:
        left = iter(outcomes)
        monkeypatch.setattr(script, "run_scenario", lambda *_: next(left))
        status: int = script.main()
        assert list(left) == []
        return status

    return run


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the collection in a folder that has a space in its path."""
    folder = tmp_path_factory.mktemp("a folder") / "my checkout"
    folder.mkdir()
    for path in ROOT.glob("*.py"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def start_method_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that, on the path, lets START_METHOD choose the start method."""
    folder = tmp_path_factory.mktemp("start method")
    (folder / "sitecustomize.py").write_text(
        "import multiprocessing, os\n"
        "multiprocessing.set_start_method(os.environ['START_METHOD'])\n"
    )
    return folder


@pytest.fixture(scope="session")
def run_as_user(
    checkout: Path,
    start_method_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[RunAsUser]:
    """Return a function that runs a command, as a user types it, from another folder.

    With a start method for processes, it also runs with all warnings on, as errors.
    All that it prints is in `stdout`. However many tests look at a command's run, it
    runs once. Those of the README are started before their tests ask for them: most of
    them sleep most of the time.
    """
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    runs: dict[tuple[str, str], concurrent.futures.Future[UserRun]] = {}

    def start(command: str, method: str) -> concurrent.futures.Future[UserRun]:
        if (command, method) not in runs:
            python3, program, *arguments = command.split()
            assert python3 == "python3"
            settings = {
                "START_METHOD": method,
                "PYTHONPATH": str(start_method_folder),
                # With it, asyncio tells of each step of Dask's that takes long.
                "PYTHONDEVMODE": "" if "distributed-" in program else "1",
                "PYTHONWARNINGS": "error",
            }
            runs[command, method] = executor.submit(
                run_python,
                checkout / program,
                *arguments,
                cwd=elsewhere,
                stderr=subprocess.STDOUT,
                settings=settings if method else {},
            )
        return runs[command, method]

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as executor:
        for item in request.session.items:
            if hasattr(item, "callspec") and "example" in item.callspec.params:
                params = item.callspec.params
                start(params["example"].command, params["method"])
        yield lambda command, method="": start(command, method).result()
        executor.shutdown(cancel_futures=True)


@pytest.fixture
def change_script(checkout: Path, tmp_path: Path) -> ChangeScript:
    """Return a function that copies the collection, with a piece of a file replaced."""

    def change(name: str, old: str, new: str) -> Path:
        for path in checkout.glob("*.py"):
            shutil.copy(path, tmp_path)
        changed = tmp_path / name
        source = changed.read_text(encoding="utf-8")
        assert source.count(old) == 1
        changed.write_text(source.replace(old, new), encoding="utf-8")
        return changed

    return change


@pytest.fixture
def run_changed(change_script: ChangeScript) -> RunChanged:
    """Return a function that runs a script with a piece of it replaced by another."""

    def run(name: str, old: str, new: str) -> UserRun:
        script = change_script(name, old, new)
        return run_python(script, cwd=script.parent, stderr=subprocess.STDOUT)

    return run


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster of two workers, with three threads each."""
    dask = [sys.executable, "-m", "dask"]
    options = [
        "--host",
        "127.0.0.1",
        "--no-dashboard",
        "--dashboard-address",
        "127.0.0.1:0",
    ]
    programs: list[subprocess.Popen[str]] = []

    def start(*command: str, log: int | IO[str]) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [*dask, *command, *options],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )
        programs.append(program)
        return program

    try:
        scheduler = start("scheduler", "--port", "0", log=subprocess.PIPE)
        assert scheduler.stdout is not None
        said = scheduler.stdout
        address = next(filter(None, map(ADDRESS.search, said)))[1]
        workers = {}
        for name in ("first", "second"):
            with (tmp_path / f"{name}.log").open("w", encoding="utf-8") as log:
                arguments = ["--name", name, "--nthreads", "3"]
                workers[name] = start("worker", address, *arguments, log=log)
        there = filter(None, map(REGISTERED.search, said))
        assert {next(there)[1] for _ in workers} == set(workers)
        yield Cluster(address, workers, tmp_path)
    finally:
        for program in programs:
            end_session(program)
            program.communicate()


@pytest.fixture
def run_interrupted(checkout: Path, tmp_path: Path) -> RunInterrupted:
    """Return a function that runs a script in which something sends a Ctrl-C."""

    def run(script: str, sitecustomize: str) -> tuple[int, str]:
        (tmp_path / "sitecustomize.py").write_text(sitecustomize)
        with subprocess.Popen(
            [sys.executable, checkout / script],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        ) as program:
            try:
                # All its processes write to this pipe: it ends when all have ended.
                _, log = program.communicate(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                end_session(program)
                pytest.fail("it hangs, or has left a process behind")
        return program.returncode, log

    return run


@pytest.fixture(autouse=True, scope="session")
def head_start(request: pytest.FixtureRequest) -> None:
    """Start what `run_as_user` starts before the first test, if any test needs it."""
    if any(
        "run_as_user" in item.fixturenames
        for item in request.session.items
        if isinstance(item, pytest.Function)
    ):
        request.getfixturevalue("run_as_user")
