"""End one of two consumers, then both of them.

Problem: a queue hands each item to one consumer only. So one sentinel, the item that
    says that no more will come, ends one consumer, and the others wait for ever.
Solution: one sentinel for each consumer.

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
    """Take items from the queue, until a sentinel comes."""
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
    """Put all items into the queue, then say that no more will come."""
    for item in ITEMS:
        items.put(item)
    items.put(SENTINEL)


def produce_with_a_sentinel_each(items: Queue) -> None:
    """Do the same, but say so to each consumer."""
    for item in ITEMS:
        items.put(item)
    for _ in range(CONSUMERS):
        items.put(SENTINEL)


def run_scenario(produce: Callable[[Queue], None]) -> int:
    """Let consumers take what is produced; return how many of them ended by that."""
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
            # Without these, this script would wait for ever, too.
            for _ in range(CONSUMERS):
                items.put(SENTINEL)
    if len(ended) == CONSUMERS:
        LOGGER.info(f"Consumers that ended: {len(ended)}, congratulations!")
    else:
        LOGGER.warning(f"Consumers that ended: {len(ended)} but should be {CONSUMERS}!")
    return len(ended)


def main() -> int:
    """Run both scenarios; return 0 if they show what the docstring promises."""
    LOGGER.info("Running one sentinel scenario!")
    with_one = run_scenario(produce_with_one_sentinel)
    LOGGER.info("")

    LOGGER.info("Running sentinel each scenario!")
    with_one_each = run_scenario(produce_with_a_sentinel_each)

    return 0 if with_one == 1 and with_one_each == CONSUMERS else 1


if __name__ == "__main__":
    raise SystemExit(main())
