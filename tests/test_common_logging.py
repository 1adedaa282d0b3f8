"""The log helper: one format, one line each, and nobody else's handlers touched."""

import logging
import multiprocessing
import sys
from pathlib import Path

import pytest
from helpers import ROOT, read_log, run_python

from common_logging import get_logger

WORKER_SCRIPT = """
import concurrent.futures, multiprocessing, sys
from common_logging import get_logger

LOGGER = get_logger(__name__)

def work():
    LOGGER.info("from the worker")

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        executor.submit(work).result()
    LOGGER.info("from the parent")
"""


def run_source(tmp_path: Path, source: str, *arguments: str) -> tuple[str, str]:
    """Run a program that can import the log helper; return its output and its log."""
    path = tmp_path / "program.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{source}")
    run = run_python(path, *arguments, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


def test_lines_go_to_standard_error_once_in_the_common_format(tmp_path: Path) -> None:
    out, err = run_source(
        tmp_path,
        "from common_logging import get_logger\n"
        "for _ in range(3): logger = get_logger(__name__)\n"
        "logger.info('hello')\n"
        "logger.debug('too fine')\n"
        "get_logger('other').warning('careful')\n",
    )
    assert out == ""
    assert read_log(err) == [
        ("__main__", "INFO", "hello"),
        ("other", "WARNING", "careful"),
    ]
    assert err.count("\n") == 2


@pytest.mark.parametrize("logger", ["", "app"])
def test_an_applications_handler_stays_the_only_one(
    tmp_path: Path, logger: str
) -> None:
    out, err = run_source(
        tmp_path,
        "import logging\n"
        "handler = logging.StreamHandler(sys.stdout)\n"
        "handler.setFormatter(logging.Formatter('app says %(message)s'))\n"
        f"logging.getLogger({logger!r}).addHandler(handler)\n"
        "from common_logging import get_logger\n"
        "get_logger('app.script').info('hello')\n",
    )
    assert out == "app says hello\n"
    assert err == ""


def test_pytests_handlers_stay_the_only_ones(caplog: pytest.LogCaptureFixture) -> None:
    handlers = list(logging.getLogger().handlers)
    logger = get_logger("under pytest")
    logger.info("hello")
    assert logging.getLogger().handlers == handlers
    assert logger.handlers == []
    assert caplog.messages == ["hello"]


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_worker_process_logs_like_its_parent(tmp_path: Path, method: str) -> None:
    if method == "fork" and sys.platform == "darwin":
        pytest.skip("forking is not safe on macOS")
    _, err = run_source(tmp_path, WORKER_SCRIPT, method)
    assert read_log(err) == [
        ("__main__", "INFO", "from the worker"),
        ("__main__", "INFO", "from the parent"),
    ]
