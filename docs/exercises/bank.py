"""Two threads withdraw money from one account."""

import threading

LOCK = threading.Lock()
balance = 100
paid: list[int] = []


def withdraw(amount: int) -> None:
    """Pay an amount if the balance is high enough."""
    global balance
    if balance >= amount:
        rest = balance - amount
        balance = rest
        paid.append(amount)


def withdraw_with_lock(amount: int) -> None:
    """Do the same, but keep the other thread out."""
    with LOCK:
        withdraw(amount)
