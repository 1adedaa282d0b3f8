"""Use an asyncio client in many loops, or in one.

Problem: an asyncio client's connection works only in the event loop that opened it.
Solution: run one event loop in a thread, and pass all coroutines to that loop.

Run: python3 multithreaded-loops.py
"""

import asyncio
import re
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from common_logging import exit_status, get_logger, report, start_scenario

QUERIES = 2
PATIENCE_SECONDS = 10
LOOP = asyncio.new_event_loop()
LOGGER = get_logger(__name__)


@dataclass
class Client:
    """A client that opens a connection for its first query, and keeps it open."""

    sock: socket.socket
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def query(self) -> None:
        """Send a line to the server, and wait for its answer."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(sock=self.sock)
        reader, writer = self.streams
        writer.write(b"ping\n")
        await reader.readline()

    async def close(self) -> None:
        """Close the connection."""
        if self.streams is not None:
            self.streams[1].close()


def run_in_new_loop(coroutine: Coroutine[None, None, None]) -> None:
    """Run a coroutine in a new event loop, which is closed afterwards."""
    asyncio.run(coroutine)


def run_in_same_loop(coroutine: Coroutine[None, None, None]) -> None:
    """Run a coroutine in the event loop of the thread, and wait for it."""
    asyncio.run_coroutine_threadsafe(coroutine, LOOP).result(PATIENCE_SECONDS)


def answer(sock: socket.socket) -> None:
    """Answer each line as a server would, until the client closes the connection."""
    with sock:
        while line := sock.recv(100):
            sock.sendall(line)


def run_scenario(name: str, run: Callable[[Coroutine[None, None, None]], None]) -> bool:
    """Use and close a client; return whether this raised no errors."""
    start_scenario(LOGGER, name)
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE_SECONDS)
    client = Client(ours)
    steps = [client.query] * QUERIES + [client.close]
    errors = 0
    with ThreadPoolExecutor(max_workers=1) as executor, ours:
        executor.submit(answer, theirs)
        for task_id, step in enumerate(steps):
            LOGGER.info(f"Task: {task_id} started {step.__name__}")
            try:
                run(step())
                LOGGER.info(f"Task: {task_id} finished {step.__name__}")
            except RuntimeError as error:
                text = re.sub("<Task .*> got", "<Task ...> got", str(error))
                LOGGER.info(f"Task: {task_id} raised RuntimeError: {text}")
                errors += 1
    return report(LOGGER, f"Errors: {errors}", errors == 0, should_be=0)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            executor.submit(LOOP.run_forever)
            in_new_loops = run_scenario("new loops", run_in_new_loop)
            in_same_loop = run_scenario("same loop", run_in_same_loop)
        finally:
            LOOP.call_soon_threadsafe(LOOP.stop)
    LOOP.close()
    return exit_status(LOGGER, in_new_loops, in_same_loop)


if __name__ == "__main__":
    raise SystemExit(main())
