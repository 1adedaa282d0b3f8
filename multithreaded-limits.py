"""Send too many requests to a server, or in turn.

Problem: a server accepts two requests at a time, and refuses those of other threads.
Solution: have all threads share a semaphore with two slots, and hold one per request.

Run: python3 multithreaded-limits.py
"""

import os
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

from common_logging import exit_status, get_logger, report, start_scenario

LIMIT = 2
CALLERS = 4
START = threading.Barrier(CALLERS, timeout=10)
SLOTS = threading.BoundedSemaphore(LIMIT)
LOGGER = get_logger(__name__)

errors: list[HTTPError] = []


class Handler(BaseHTTPRequestHandler):
    """A web server, in this program, that refuses requests above its limit."""

    free = threading.BoundedSemaphore(LIMIT)

    def do_GET(self) -> None:
        """Answer a request, or refuse it."""
        accepted = self.free.acquire(blocking=False)
        if accepted:
            # Stands in for the server's work.
            time.sleep(0.5)
            self.free.release()
        self.send_response(200 if accepted else 429)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Don't log requests."""


def request(address: str, thread_id: int) -> None:
    """Send a request, and keep its error if the server refuses it."""
    LOGGER.info(f"Thread: {thread_id} started request")
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except HTTPError as error:
        errors.append(error)
        error.close()
    LOGGER.info(f"Thread: {thread_id} finished request")


def call_immediately(address: str, thread_id: int) -> None:
    """Send a request, no matter how many other threads do so."""
    START.wait()
    request(address, thread_id)


def call_in_turn(address: str, thread_id: int) -> None:
    """Wait for a slot, and hold it while sending a request."""
    START.wait()
    LOGGER.info(f"Thread: {thread_id} queued request")
    with SLOTS:
        request(address, thread_id)


def run_scenario(name: str, call: Callable[[str, int], None]) -> bool:
    """Have all callers send a request; return whether the server refused none."""
    start_scenario(LOGGER, name)
    errors.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            with ThreadPoolExecutor(max_workers=CALLERS) as executor:
                list(executor.map(call, [address] * CALLERS, range(CALLERS)))
            for error in errors:
                LOGGER.info(f"{type(error).__name__}: {error}")
            return report(LOGGER, f"Refused: {len(errors)}", not errors, should_be=0)
        finally:
            server.shutdown()


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    # A proxy can't reach the server, which is on this machine.
    os.environ["no_proxy"] = "*"
    at_once = run_scenario("too many", call_immediately)
    in_turn = run_scenario("semaphore", call_in_turn)
    return exit_status(LOGGER, at_once, in_turn)


if __name__ == "__main__":
    raise SystemExit(main())
