"""Stop one of two consumers, then both.

Problem: one sentinel ("no more items") stops one consumer. The others wait forever.
Solution: put one sentinel for each consumer into the queue.

Run: python3 multithreaded-queues.py
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from queue import SimpleQueue

from common_logging import exit_status, get_logger, report, start_scenario

CONSUMERS = 2
SENTINEL = None
PATIENCE_SECONDS = 1.0
EACH_HAS_ONE = threading.Barrier(CONSUMERS, timeout=10)
LOGGER = get_logger(__name__)


def consume(thread_id: int, items: SimpleQueue[str | None]) -> None:
    """Take items from the queue until a sentinel comes."""
    LOGGER.info(f"Thread: {thread_id} started consume")
    while True:
        LOGGER.info(f"Thread: {thread_id} waits for an item")
        item = items.get()
        if item is SENTINEL:
            break
        LOGGER.info(f"Thread: {thread_id} got {item}")
        # Stands in for work. Meanwhile, each other consumer gets an item too.
        EACH_HAS_ONE.wait()
    LOGGER.info(f"Thread: {thread_id} finished consume")


def produce_with_one_sentinel(items: SimpleQueue[str | None]) -> None:
    """Put all items into the queue, then a sentinel."""
    for number in range(CONSUMERS):
        items.put(f"photo {number}")
    items.put(SENTINEL)


def produce_with_a_sentinel_each(items: SimpleQueue[str | None]) -> None:
    """Do the same, but add one sentinel for each consumer."""
    for number in range(CONSUMERS):
        items.put(f"photo {number}")
    for _ in range(CONSUMERS):
        items.put(SENTINEL)


def run_scenario(name: str, produce: Callable[[SimpleQueue[str | None]], None]) -> bool:
    """Produce and consume; return whether all consumers stopped by themselves."""
    start_scenario(LOGGER, name)
    items: SimpleQueue[str | None] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=CONSUMERS) as executor:
        try:
            futures = [
                executor.submit(consume, thread_id, items)
                for thread_id in range(CONSUMERS)
            ]
            produce(items)
            stopped = len(wait(futures, timeout=PATIENCE_SECONDS).done)
            if stopped < CONSUMERS:
                waiting = CONSUMERS - stopped
                LOGGER.info(f"Consumers still waiting: {waiting}. Adding sentinels")
        finally:
            # Without these, this script would wait forever too.
            for _ in range(CONSUMERS):
                items.put(SENTINEL)
    all_stopped = stopped == CONSUMERS
    return report(LOGGER, f"Consumers stopped: {stopped}", all_stopped, CONSUMERS)


def main() -> int:
    """Run both scenarios; return 0 if only the second one ends well."""
    with_one = run_scenario("one sentinel", produce_with_one_sentinel)
    with_one_each = run_scenario("one sentinel each", produce_with_a_sentinel_each)
    return exit_status(LOGGER, with_one, with_one_each)


if __name__ == "__main__":
    raise SystemExit(main())
