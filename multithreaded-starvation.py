"""Hang a pool whose tasks wait for further tasks.

Problem: tasks fill a pool and wait for further tasks of the same pool. They wait
    forever, because no thread of the pool is free to run the further tasks.
Solution: a second pool for the tasks that other tasks wait for.

Run: python3 multithreaded-starvation.py
"""

import concurrent.futures
import threading

from common_logging import get_logger

PAGES = 2
# Page 0 gives up first, so that this script ends. By default, `result` waits forever.
PATIENCE_SECONDS = (1, 5)
POOL_IS_FULL = threading.Barrier(PAGES, timeout=10)
LOGGER = get_logger(__name__)

Pool = concurrent.futures.ThreadPoolExecutor


def load_image(task_id: int) -> str:
    """Load the image of a page."""
    LOGGER.info(f"Task: {task_id} started load_image")
    LOGGER.info(f"Task: {task_id} finished load_image")
    return f"image {task_id}"


def load_page(task_id: int, image_pool: Pool) -> bool:
    """Have a pool load a page's image; wait for it, and return whether it loaded."""
    LOGGER.info(f"Task: {task_id} started load_page")
    # From here on, every thread in the pool that runs this task is busy with a page.
    POOL_IS_FULL.wait()
    image_id = PAGES + task_id
    LOGGER.info(f"Task: {image_id} queued load_image")
    future = image_pool.submit(load_image, image_id)
    LOGGER.info(f"Task: {task_id} waits for task {image_id}")
    try:
        future.result(timeout=PATIENCE_SECONDS[task_id])
    except TimeoutError:
        future.cancel()
        LOGGER.info(f"Task: {image_id} cancelled")
    LOGGER.info(f"Task: {task_id} finished load_page")
    return not future.cancelled()


def load_in_one_pool() -> int:
    """Load pages and images in one pool; return how many pages got their image."""
    with Pool(max_workers=PAGES) as pool:
        futures = [pool.submit(load_page, task_id, pool) for task_id in range(PAGES)]
        return sum(future.result() for future in futures)


def load_in_two_pools() -> int:
    """Do the same, but load the images in a separate pool."""
    with Pool(max_workers=PAGES) as images, Pool(max_workers=PAGES) as pool:
        futures = [pool.submit(load_page, task_id, images) for task_id in range(PAGES)]
        return sum(future.result() for future in futures)


def report(complete: int) -> None:
    """Log how many pages got their image."""
    if complete == PAGES:
        LOGGER.info(f"Complete pages: {complete}, congratulations!")
    else:
        LOGGER.warning(f"Complete pages: {complete} but should be {PAGES}!")


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running one pool scenario!")
    in_one_pool = load_in_one_pool()
    report(in_one_pool)
    LOGGER.info("")

    LOGGER.info("Running two pools scenario!")
    in_two_pools = load_in_two_pools()
    report(in_two_pools)

    return 0 if in_one_pool < PAGES and in_two_pools == PAGES else 1


if __name__ == "__main__":
    raise SystemExit(main())
