"""Fixtures that load scripts, which have hyphens in their names, and that run them."""

import concurrent.futures
import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from helpers import ROOT, readme_examples, run_python

UserRun = subprocess.CompletedProcess[str]
RunAsUser = Callable[[str], UserRun]


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


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the collection in a folder that has a space in its path."""
    folder = tmp_path_factory.mktemp("a folder") / "my checkout"
    folder.mkdir()
    for path in ROOT.glob("*.py"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def run_as_user(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunAsUser]:
    """Return a function that runs a command, as a user types it, from another folder.

    All that it prints is in `stdout`. However many tests look at a command's run, it
    runs once. The commands that the README shows are started before they are asked for:
    most of them sleep most of the time.
    """
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    runs: dict[str, concurrent.futures.Future[UserRun]] = {}

    def start(command: str) -> concurrent.futures.Future[UserRun]:
        if command not in runs:
            python3, program, *arguments = command.split()
            assert python3 == "python3"
            runs[command] = executor.submit(
                run_python,
                checkout / program,
                *arguments,
                cwd=elsewhere,
                stderr=subprocess.STDOUT,
            )
        return runs[command]

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as executor:
        for example in readme_examples():
            start(example.command)
        yield lambda command: start(command).result()
        executor.shutdown(cancel_futures=True)


@pytest.fixture(autouse=True, scope="session")
def head_start(request: pytest.FixtureRequest) -> None:
    """Start what `run_as_user` starts before the first test, if any test needs it."""
    if any(
        "run_as_user" in item.fixturenames
        for item in request.session.items
        if isinstance(item, pytest.Function)
    ):
        request.getfixturevalue("run_as_user")
