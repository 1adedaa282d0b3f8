"""Download pages in a loop, or with a pool.

Problem: a loop downloads one page after another, and the first error ends the loop.
Solution: have a pool download the pages, and catch errors around each `result()`.

Run: python3 multithreaded-downloads.py
"""

import os
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from common_logging import exit_status, get_logger, report, start_scenario

THREADS = 5
PAGES = ("/news", "/sport", "/gone", "/music", "/maps")
FOUND = [page for page in PAGES if page != "/gone"]
LOGGER = get_logger(__name__)


class Handler(BaseHTTPRequestHandler):
    """A web server, in this program, that has all these pages but one."""

    def do_GET(self) -> None:
        """Answer a request for a page."""
        # Stands in for the time that a request takes on the internet.
        time.sleep(0.3)
        self.send_response(200 if self.path in FOUND else 404)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Don't log requests."""


def download(address: str, task_id: int) -> str:
    """Download a page; return its text."""
    LOGGER.info(f"Task: {task_id} started download of {PAGES[task_id]}")
    with urllib.request.urlopen(address + PAGES[task_id], timeout=10) as response:
        text: str = response.read().decode()
    LOGGER.info(f"Task: {task_id} finished download")
    return text


def download_in_loop(address: str, texts: list[str]) -> None:
    """Download one page after another."""
    try:
        for task_id in range(len(PAGES)):
            texts.append(download(address, task_id))
            LOGGER.info(f"Pages so far: {len(texts)}")
    except OSError as error:
        LOGGER.info(f"Task: {task_id} raised {type(error).__name__}: {error}")


def download_in_pool(address: str, texts: list[str]) -> None:
    """Download several pages at the same time, and handle each page's error."""
    with ThreadPoolExecutor(max_workers=THREADS) as executor:
        tasks = {executor.submit(download, address, i): i for i in range(len(PAGES))}
        for future in as_completed(tasks):
            try:
                texts.append(future.result())
                LOGGER.info(f"Pages so far: {len(texts)}")
            except OSError as error:
                task_id = tasks[future]
                LOGGER.info(f"Task: {task_id} raised {type(error).__name__}: {error}")


def run_scenario(name: str, download_all: Callable[[str, list[str]], None]) -> bool:
    """Download from a server; return whether all pages that it has arrived."""
    start_scenario(LOGGER, name)
    texts: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            download_all(f"http://127.0.0.1:{server.server_port}", texts)
            count, solved = len(texts), sorted(texts) == sorted(FOUND)
            return report(LOGGER, f"Pages: {count}", solved, should_be=len(FOUND))
        finally:
            server.shutdown()


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    # A proxy can't reach the server, which is on this machine.
    os.environ["no_proxy"] = "*"
    in_loop = run_scenario("loop", download_in_loop)
    in_pool = run_scenario("pool", download_in_pool)
    return exit_status(LOGGER, in_loop, in_pool)


if __name__ == "__main__":
    raise SystemExit(main())
