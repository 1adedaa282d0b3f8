"""Start processes with and without a main guard.

Problem: a new process imports the main program. If the program starts processes at its
    top level, the import tries to start them again, and fails.
Solution: start processes only under `if __name__ == "__main__":`.

Run: python3 multiprocess-guard.py
"""

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from common_logging import get_logger
from common_signals import ignore_interrupts

LOGGER = get_logger(__name__)

WITHOUT_GUARD = """
import concurrent.futures
import multiprocessing

spawn = multiprocessing.get_context("spawn")
with concurrent.futures.ProcessPoolExecutor(mp_context=spawn) as executor:
    print(executor.submit(abs, -42).result())
"""

WITH_GUARD = """
import concurrent.futures
import multiprocessing

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(mp_context=spawn) as executor:
        print(executor.submit(abs, -42).result())
"""


def run_program(source: str) -> subprocess.CompletedProcess[str]:
    """Run a program from a file, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        program.write_text(source, encoding="utf-8")
        with ignore_interrupts():
            return subprocess.run(
                [sys.executable, program],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )


def run_scenario(source: str) -> bool:
    """Run a program; return whether it printed 42."""
    program = run_program(source)
    for line in program.stderr.splitlines():
        if "attempt" in line:
            LOGGER.info(textwrap.shorten(line, width=56, placeholder=" ..."))
    printed = program.stdout.strip()
    if printed == "42":
        LOGGER.info(f"The program printed: {printed}, congratulations!")
    else:
        LOGGER.warning(
            f"The program printed: {printed or '(nothing)'} but should be 42!"
        )
    return printed == "42"


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running no guard scenario!")
    without_guard = run_scenario(WITHOUT_GUARD)
    LOGGER.info("")

    LOGGER.info("Running guard scenario!")
    with_guard = run_scenario(WITH_GUARD)

    return 0 if with_guard and not without_guard else 1


if __name__ == "__main__":
    raise SystemExit(main())
