"""Hang a pool whose tasks wait for further tasks.

Problem: tasks fill a pool and wait forever for further tasks of the same full pool.
Solution: a second pool for the tasks that other tasks wait for.

Run: python3 multithreaded-starvation.py
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait

from common_logging import exit_status, get_logger, report, start_scenario

PAGES = 2
PATIENCE_SECONDS = 1.0
ALL_PAGES = threading.Barrier(PAGES, timeout=10)
LOGGER = get_logger(__name__)


def load_image(task_id: int) -> None:
    """Load the image of a page."""
    LOGGER.info(f"Task: {task_id} started load_image")
    LOGGER.info(f"Task: {task_id} finished load_image")


def load_page(task_id: int, image_pool: ThreadPoolExecutor) -> bool:
    """Have a pool load a page's image; wait for it, and return whether it loaded."""
    LOGGER.info(f"Task: {task_id} started load_page")
    # After this, every thread of the pool that runs the pages is busy with one.
    ALL_PAGES.wait()
    image_id = PAGES + task_id
    LOGGER.info(f"Task: {image_id} queued load_image")
    future = image_pool.submit(load_image, image_id)
    LOGGER.info(f"Task: {task_id} waits for task {image_id}")
    try:
        future.result()
    except CancelledError:
        LOGGER.info(f"Task: {image_id} cancelled")
        # Otherwise, this thread might load another page's image before it is cancelled.
        ALL_PAGES.wait()
    LOGGER.info(f"Task: {task_id} finished load_page")
    return not future.cancelled()


def load_all(page_pool: ThreadPoolExecutor, image_pool: ThreadPoolExecutor) -> int:
    """Load all pages; return how many got their image."""
    try:
        pages = [
            page_pool.submit(load_page, task_id, image_pool) for task_id in range(PAGES)
        ]
        if wait(pages, timeout=PATIENCE_SECONDS).not_done:
            LOGGER.info(f"No page after {PATIENCE_SECONDS}s: cancelling the images")
    finally:
        # Without this, the script would wait forever too.
        image_pool.shutdown(wait=False, cancel_futures=True)
    return sum(page.result() for page in pages)


def load_in_one_pool() -> int:
    """Load pages and images in one pool."""
    with ThreadPoolExecutor(max_workers=PAGES) as pool:
        return load_all(pool, pool)


def load_in_two_pools() -> int:
    """Do the same, but load the images in a separate pool."""
    with (
        ThreadPoolExecutor(max_workers=PAGES) as image_pool,
        ThreadPoolExecutor(max_workers=PAGES) as page_pool,
    ):
        return load_all(page_pool, image_pool)


def run_scenario(name: str, load: Callable[[], int]) -> bool:
    """Load all pages; return whether all of them got their image."""
    start_scenario(LOGGER, name)
    complete = load()
    return report(LOGGER, f"Complete pages: {complete}", complete == PAGES, PAGES)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    in_one_pool = run_scenario("one pool", load_in_one_pool)
    in_two_pools = run_scenario("two pools", load_in_two_pools)
    return exit_status(LOGGER, in_one_pool, in_two_pools)


if __name__ == "__main__":
    raise SystemExit(main())
