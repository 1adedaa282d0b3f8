"""The log helper: one format, one line each, and nobody else's handlers touched."""

import subprocess

import pytest
from helpers import ROOT, read_lines, run_python


def run_program(source: str) -> tuple[str, str]:
    """Run a program that can import the log helper; return its output and its log."""
    run = run_python("-c", source, cwd=ROOT, stderr=subprocess.PIPE)
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


def test_lines_go_to_standard_error_once_in_the_common_format() -> None:
    out, err = run_program(
        "from common_logging import get_logger\n"
        "for _ in range(3): logger = get_logger(__name__)\n"
        "logger.info('hello')\n"
        "logger.debug('too fine')\n"
        "get_logger('other').warning('careful')\n"
    )
    assert out == ""
    assert read_lines(err) == [
        ("__main__", "INFO", "hello"),
        ("other", "WARNING", "careful"),
    ]
    assert err.count("\n") == 2


# Pytest's handlers are such as well: at the root.
@pytest.mark.parametrize("logger", ["", "app"])
def test_an_applications_handler_stays_the_only_one(logger: str) -> None:
    out, err = run_program(
        "import logging, sys\n"
        "handler = logging.StreamHandler(sys.stdout)\n"
        "handler.setFormatter(logging.Formatter('app says %(message)s'))\n"
        f"logging.getLogger({logger!r}).addHandler(handler)\n"
        "from common_logging import get_logger\n"
        "get_logger('app.script').info('hello')\n"
    )
    assert (out, err) == ("app says hello\n", "")
