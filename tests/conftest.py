"""The options of this test suite, and what must be so before any test runs."""

import os
import signal
from pathlib import Path

import helpers
import pytest

# Lets START_METHOD choose how processes are started.
SITECUSTOMIZE = """
import multiprocessing, os
multiprocessing.set_start_method(os.environ["START_METHOD"])
"""
# CPython 3.15 warns when it formats a traceback in the main module of a worker, whose
# `__spec__` it has itself set to None.
EXCUSED = "ignore:Module globals is missing a __spec__:DeprecationWarning"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this test suite."""
    parser.addoption(
        "--update-pages",
        action="store_true",
        help="rewrite the console blocks of the pages that are no longer true",
    )
    parser.addoption(
        "--edits",
        action="store_true",
        help="only run the scripts with each of their numbers changed",
    )
    parser.addoption(
        "--start-method",
        help="run scripts with this start method, in dev mode, warnings as errors",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Run either the tests of edits, which take minutes, or all others."""
    name = collection_path.name
    if not name.startswith("test_"):
        return None
    return bool((name == "test_edits.py") != config.getoption("--edits"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many tests to run at a time: most of them wait most of the time."""
    if config.getoption("--update-pages"):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    return min(3 * cores, 8)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> None:
    """Let programs that tests start react to Ctrl-C.

    A shell that starts pytest in the background has it ignored, which they inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def start_method(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let the scripts use the start method of the option, if one is given."""
    method = request.config.getoption("--start-method")
    if method:
        folder = tmp_path_factory.mktemp("start-method")
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
        helpers.settings.update(
            START_METHOD=method,
            PYTHONPATH=str(folder),
            PYTHONDEVMODE="1",
            PYTHONWARNINGS=f"error,{EXCUSED}",
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder that has a space in its path."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    return folder
