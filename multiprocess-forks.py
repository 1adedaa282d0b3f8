"""Share a connection after a fork, or open two.

Problem: forked processes share an open connection, and read each other's answers.
Solution: open a connection in each process, with the pool's initializer.

Run: python3 multiprocess-forks.py
"""

import multiprocessing
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario
from common_signals import ignore_interrupts

if os.name != "posix":
    print("multiprocess-forks.py needs POSIX", file=sys.stderr)
    raise SystemExit(2)

USERS = ("ada", "bob")
PROCESSES = len(USERS)
TIMEOUT = 10
FORK = multiprocessing.get_context("fork")
TURN = FORK.Barrier(PROCESSES, timeout=TIMEOUT)  # All processes inherit it.
LOGGER = get_logger(__name__)

connection: socket.socket  # `share` or `reconnect` sets it in each process.


class Server(socketserver.StreamRequestHandler):
    """A server that answers every line."""

    def handle(self) -> None:
        """Answer the lines that arrive on one connection, in their order."""
        for line in self.rfile:
            self.wfile.write(b"answer to " + line)


def share(opened: socket.socket) -> None:
    """Use the connection that was open before the fork, for all questions."""
    global connection
    connection = opened


def reconnect(opened: socket.socket) -> None:
    """Open another connection to the same server, for all questions."""
    global connection
    connection = socket.create_connection(opened.getpeername(), TIMEOUT)


def ask(process_id: int) -> bool:
    """Ask the server about a user; return whether the answer is about that user."""
    LOGGER.info(f"Process: {process_id} started ask: {USERS[process_id]}")
    lines = connection.makefile("rwb", buffering=0)
    # Otherwise, the order would be random. Here, the last one to ask reads first.
    for turn in range(PROCESSES):
        if turn == process_id:
            lines.write(f"{USERS[process_id]}\n".encode())
        TURN.wait()
    for turn in reversed(range(PROCESSES)):
        if turn == process_id:
            answer = lines.readline().decode().strip()
        TURN.wait()
    LOGGER.info(f"Process: {process_id} finished ask: {answer}")
    return USERS[process_id] in answer


def run_scenario(name: str, initializer: Callable[[socket.socket], None]) -> bool:
    """Have each process ask a question; return whether all get the right answers."""
    start_scenario(LOGGER, name)
    with (
        ignore_interrupts(),  # For the second that this takes.
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server,
        socket.create_connection(server.socket.getsockname(), TIMEOUT) as opened,
        ProcessPoolExecutor(PROCESSES, FORK, initializer, (opened,)) as executor,
    ):
        answers = executor.map(ask, range(PROCESSES))
        threading.Thread(target=server.serve_forever).start()
        try:
            right = sum(answers)
        finally:
            server.shutdown()
    return report(LOGGER, f"Right answers: {right}", right == PROCESSES, PROCESSES)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    shared = run_scenario("shared connection", share)
    own = run_scenario("own connections", reconnect)
    return exit_status(LOGGER, shared, own)


if __name__ == "__main__":
    raise SystemExit(main())
