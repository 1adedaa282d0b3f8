"""Stop one of two consumers, then both.

Problem: a queue gives each item to only one consumer. So one sentinel (an item that
    means "no more items") stops only one consumer, and the others wait forever.
Solution: put one sentinel for each consumer into the queue.

Run: python3 multithreaded-queues.py
"""

import concurrent.futures
import queue
import threading
from collections.abc import Callable

from common_logging import get_logger

CONSUMERS = 2
ITEMS = ("photo 0", "photo 1")
SENTINEL = ""
PATIENCE_SECONDS = 1
EACH_HAS_ONE = threading.Barrier(CONSUMERS, timeout=10)
LOGGER = get_logger(__name__)

Queue = queue.SimpleQueue[str]


def consume(thread_id: int, items: Queue) -> None:
    """Take items from the queue until a sentinel comes."""
    LOGGER.info(f"Thread: {thread_id} started consume")
    while True:
        LOGGER.info(f"Thread: {thread_id} waits for an item")
        item = items.get()
        if item == SENTINEL:
            break
        LOGGER.info(f"Thread: {thread_id} got {item}")
        # Work that takes long enough for the other consumer to get an item as well.
        EACH_HAS_ONE.wait()
    LOGGER.info(f"Thread: {thread_id} finished consume")


def produce_with_one_sentinel(items: Queue) -> None:
    """Put all items into the queue, then a sentinel."""
    for item in ITEMS:
        items.put(item)
    items.put(SENTINEL)


def produce_with_a_sentinel_each(items: Queue) -> None:
    """Do the same, but add one sentinel for each consumer."""
    for item in ITEMS:
        items.put(item)
    for _ in range(CONSUMERS):
        items.put(SENTINEL)


def run_scenario(produce: Callable[[Queue], None]) -> int:
    """Produce and consume; return how many consumers stopped by themselves."""
    items = Queue()
    with concurrent.futures.ThreadPoolExecutor(max_workers=CONSUMERS) as executor:
        try:
            futures = [
                executor.submit(consume, thread_id, items)
                for thread_id in range(CONSUMERS)
            ]
            produce(items)
            ended, waiting = concurrent.futures.wait(futures, timeout=PATIENCE_SECONDS)
            if waiting:
                LOGGER.info(f"Consumers still waiting: {len(waiting)}")
        finally:
            # Without these, this script would wait forever too.
            for _ in range(CONSUMERS):
                items.put(SENTINEL)
    if len(ended) == CONSUMERS:
        LOGGER.info(f"Consumers stopped: {len(ended)}, congratulations!")
    else:
        LOGGER.warning(f"Consumers stopped: {len(ended)} but should be {CONSUMERS}!")
    return len(ended)


def main() -> int:
    """Run both scenarios; return 0 if both end as the module docstring says."""
    LOGGER.info("Running one sentinel scenario!")
    with_one = run_scenario(produce_with_one_sentinel)
    LOGGER.info("")

    LOGGER.info("Running one sentinel each scenario!")
    with_one_each = run_scenario(produce_with_a_sentinel_each)

    return 0 if with_one == 1 and with_one_each == CONSUMERS else 1


if __name__ == "__main__":
    raise SystemExit(main())
