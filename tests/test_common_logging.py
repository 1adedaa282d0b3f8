"""The log helper: one format, one line each, and nobody else's handlers touched."""

import logging
import subprocess
from pathlib import Path

import pytest
from helpers import LINE, ROOT, run_python

from common_logging import get_logger


def run_program(folder: Path, source: str) -> tuple[str, str]:
    """Run a program that can import the log helper; return its output and its log."""
    path = folder / "program.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{source}")
    run = run_python(path, cwd=folder, stderr=subprocess.PIPE)
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


def test_lines_go_to_standard_error_once_in_the_common_format(folder: Path) -> None:
    out, err = run_program(
        folder,
        "from common_logging import get_logger\n"
        "for _ in range(3): logger = get_logger(__name__)\n"
        "logger.info('hello')\n"
        "logger.debug('too fine')\n"
        "get_logger('other').warning('careful')\n",
    )
    assert out == ""
    assert LINE.findall(err) == [
        ("__main__", "INFO", "hello"),
        ("other", "WARNING", "careful"),
    ]
    assert err.count("\n") == 2


@pytest.mark.parametrize("logger", ["", "app"])
def test_an_applications_handler_stays_the_only_one(folder: Path, logger: str) -> None:
    out, err = run_program(
        folder,
        "import logging\n"
        "handler = logging.StreamHandler(sys.stdout)\n"
        "handler.setFormatter(logging.Formatter('app says %(message)s'))\n"
        f"logging.getLogger({logger!r}).addHandler(handler)\n"
        "from common_logging import get_logger\n"
        "get_logger('app.script').info('hello')\n",
    )
    assert (out, err) == ("app says hello\n", "")


def test_pytests_handlers_stay_the_only_ones(caplog: pytest.LogCaptureFixture) -> None:
    handlers = list(logging.getLogger().handlers)
    logger = get_logger("under pytest")
    logger.info("hello")
    assert logging.getLogger().handlers == handlers
    assert logger.handlers == []
    assert caplog.messages == ["hello"]
