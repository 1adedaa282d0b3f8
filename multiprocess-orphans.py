"""Kill a program, and look for its processes.

Problem: a program that is killed can't stop the processes of its pool, so they live on.
Solution: in each process, have a thread wait for the end of the program, and then exit.

Run: python3 multiprocess-orphans.py
"""

import multiprocessing
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

PROCESSES = 2
WAIT_SECONDS = 1.5
LOGGER = get_logger(__name__)


def connect(port: str) -> None:
    """Connect to the script, and exit when the script closes the connection."""
    script = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=exit_after, args=(script.recv, 1), daemon=True).start()


def connect_and_watch(port: str) -> None:
    """Do the same, but also exit when the program that has this pool ends."""
    connect(port)
    program = multiprocessing.parent_process()
    assert program is not None
    threading.Thread(target=exit_after, args=(program.join,), daemon=True).start()


def exit_after(wait: Callable[..., object], *arguments: object) -> None:
    """Wait for something, then exit this process."""
    try:
        wait(*arguments)
    finally:
        os._exit(1)


def run_program(setup: str, port: str) -> None:
    """Be the program: run tasks in a pool until the script kills this program."""
    with ProcessPoolExecutor(PROCESSES, None, globals()[setup], (port,)) as executor:
        list(executor.map(time.sleep, [20] * PROCESSES))


def is_gone(worker: socket.socket, seconds: float) -> bool:
    """Return whether a process ends, and so closes its connection, in this time."""
    return bool(select.select([worker], [], [], max(seconds, 0))[0])


def run_scenario(name: str, initializer: Callable[[str], None]) -> bool:
    """Start a program and kill it; return whether its processes are gone, too."""
    start_scenario(LOGGER, name)
    workers, left = [], 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = str(server.getsockname()[1])
        command = [sys.executable, __file__, initializer.__name__, port]
        with ignore_interrupts():
            program = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            for process_id in range(PROCESSES):
                workers.append(server.accept()[0])
                LOGGER.info(f"Process: {process_id} started work")
            program.kill()
            program.wait()
    LOGGER.info("Program killed")
    deadline = time.monotonic() + WAIT_SECONDS
    for process_id, worker in enumerate(workers):
        if not is_gone(worker, deadline - time.monotonic()):
            LOGGER.info(f"Process: {process_id} is left over, so the script stops it")
            left += 1
            worker.shutdown(socket.SHUT_WR)
            is_gone(worker, seconds=10)
        LOGGER.info(f"Process: {process_id} finished work")
        worker.close()
    return report(LOGGER, f"Processes left: {left}", left == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    orphans = run_scenario("orphans", connect)
    watch = run_scenario("watch the program", connect_and_watch)
    return exit_status(LOGGER, orphans, watch)


if __name__ == "__main__":
    if sys.argv[1:]:
        run_program(*sys.argv[1:])
    else:
        raise SystemExit(main())
