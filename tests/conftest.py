"""Fixtures that load scripts, which have hyphens in their names, and that run them."""

import concurrent.futures
import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest
from helpers import ROOT, readme_examples, run_python

UserRun = subprocess.CompletedProcess[str]
RunChanged = Callable[[str, str, str], UserRun]
RunMainWith = Callable[[ModuleType, Sequence[object]], int]


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
) -> Iterator[RunAsUser]:
    """Return a function that runs a command, as a user types it, from another folder.

    With a start method for processes, it also runs with all warnings on, as errors.
    All that it prints is in `stdout`. However many tests look at a command's run, it
    runs once. The commands that the README shows are started before they are asked for:
    most of them sleep most of the time.
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
                "PYTHONDEVMODE": "1",
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
        for example in readme_examples():
            for method in example.methods():
                start(example.command, method)
        yield lambda command, method="": start(command, method).result()
        executor.shutdown(cancel_futures=True)


@pytest.fixture
def run_changed(checkout: Path, tmp_path: Path) -> RunChanged:
    """Return a function that runs a script with a piece of it replaced by another."""

    def run(name: str, old: str, new: str) -> UserRun:
        source = (checkout / name).read_text(encoding="utf-8")
        assert source.count(old) == 1
        (tmp_path / name).write_text(source.replace(old, new), encoding="utf-8")
        for helper in checkout.glob("common_*.py"):
            shutil.copy(helper, tmp_path)
        return run_python(tmp_path / name, cwd=tmp_path, stderr=subprocess.STDOUT)

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
