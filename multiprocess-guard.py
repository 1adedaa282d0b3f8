"""Start processes with and without a main guard.

Problem: a new process imports the program, which tries to start processes again.
Solution: start processes only under `if __name__ == "__main__":`.

Run: python3 multiprocess-guard.py
"""

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

# What Python says when an import starts a process.
ERROR = re.compile(r"(?s)RuntimeError:\s+An attempt .*?\.\n")
LOGGER = get_logger(__name__)

WITHOUT_GUARD = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

spawn = multiprocessing.get_context("spawn")
with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as executor:
    print(executor.submit(abs, -42).result())
"""

WITH_GUARD = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as executor:
        print(executor.submit(abs, -42).result())
"""


def run_scenario(name: str, source: str) -> bool:
    """Run a program from a file, as a user would; return whether it printed 42."""
    start_scenario(LOGGER, name)
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.py")
        program.write_text(source, encoding="utf-8")
        with ignore_interrupts():
            run = subprocess.run(
                [sys.executable, program],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
    if error := ERROR.search(run.stderr):
        for line in textwrap.wrap(" ".join(error[0].split()), width=70):
            LOGGER.info(line)
    printed = run.stdout.strip() or "(nothing)"
    return report(LOGGER, f"The program printed: {printed}", printed == "42", 42)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    without_guard = run_scenario("no guard", WITHOUT_GUARD)
    with_guard = run_scenario("guard", WITH_GUARD)
    return exit_status(LOGGER, without_guard, with_guard)


if __name__ == "__main__":
    raise SystemExit(main())
