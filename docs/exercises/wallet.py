"""Make it fail: the balance of this wallet is used only under a lock."""

import threading

LOCK = threading.Lock()
balance = 100


def pay(amount: int) -> None:
    """Pay an amount if there is enough money."""
    global balance
    with LOCK:
        enough = balance >= amount
    if enough:
        with LOCK:
            balance -= amount
