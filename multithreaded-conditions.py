"""Miss a wake-up call, or check under a lock.

Problem: a thread that checks and then waits misses a notification in between.
Solution: hold the condition's lock from the check to the wait, with `wait_for`.

Run: python3 multithreaded-conditions.py
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from common_logging import exit_status, get_logger, report, start_scenario

SWITCH_SECONDS = 0.5
PATIENCE_SECONDS = 1.5
CONDITION = threading.Condition()
CHECKED = threading.Event()
LOGGER = get_logger(__name__)

photos: list[str] = []


def has_photo() -> bool:
    """Return whether there is a photo."""
    found = len(photos)
    LOGGER.info(f"Photos found: {found}")
    if not found:
        CHECKED.set()
        # Stands in for a switch to the other thread, which adds a photo if it can.
        time.sleep(SWITCH_SECONDS)
    return found > 0


def check_then_wait() -> None:
    """Check for a photo, and if there is none, wait."""
    if not has_photo():
        with CONDITION:
            LOGGER.info(f"Thread: 0 waits for a photo, has {len(photos)}")
            CONDITION.wait(timeout=PATIENCE_SECONDS)


def wait_for_photo() -> None:
    """Do the same, but hold the lock from the check to the wait."""
    with CONDITION:
        LOGGER.info(f"Thread: 0 waits for a photo, has {len(photos)}")
        CONDITION.wait_for(has_photo, timeout=PATIENCE_SECONDS)


def consume(wait: Callable[[], None]) -> bool:
    """Wait for a photo in one of the two ways; return whether no timeout was up."""
    LOGGER.info("Thread: 0 started consume")
    start = time.monotonic()
    wait()
    waited = time.monotonic() - start
    LOGGER.info(f"Thread: 0 finished consume after {waited:.1f}s")
    return waited < PATIENCE_SECONDS


def produce() -> None:
    """Add a photo, and notify the thread that waits, if there is one."""
    LOGGER.info("Thread: 1 started produce")
    CHECKED.wait(timeout=10)
    LOGGER.info("Thread: 1 waits for the lock")
    with CONDITION:
        LOGGER.info("Thread: 1 got the lock")
        photos.append("photo 0")
        CONDITION.notify()
    LOGGER.info("Thread: 1 finished produce")


def run_scenario(name: str, wait: Callable[[], None]) -> bool:
    """Produce and consume a photo; return whether the consumer was woken."""
    photos.clear()
    CHECKED.clear()
    start_scenario(LOGGER, name)
    with ThreadPoolExecutor(max_workers=2) as executor:
        consumer = executor.submit(consume, wait)
        executor.submit(produce).result()
        in_time = consumer.result()
    result = f"Photos noticed in time: {int(in_time)}"
    return report(LOGGER, result, in_time, should_be=1)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    check_first = run_scenario("lost notification", check_then_wait)
    wait_for = run_scenario("wait_for", wait_for_photo)
    return exit_status(LOGGER, check_first, wait_for)


if __name__ == "__main__":
    raise SystemExit(main())
