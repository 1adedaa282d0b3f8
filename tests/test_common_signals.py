"""A Ctrl-C that is held comes later, but comes; and no pool loses a process by one."""

import signal
from collections.abc import Callable, Iterator

import pytest
from conftest import RunInterrupted
from helpers import interrupt_start, opens_process_pool

from common_signals import hold_interrupts
from run import Script, find_scripts

# The worst moment for a worker: it has just acquired a lock, and will not release it.
INTERRUPTED_LOCK = """
import multiprocessing.synchronize, signal, sys

# A process that is forked while interrupts are held takes no notice of them anyway.
multiprocessing.set_start_method("spawn")
enter = multiprocessing.synchronize.SemLock.__enter__

def enter_and_interrupt(lock):
    entered = enter(lock)
    if multiprocessing.parent_process() and sys.argv[0].endswith({name!r}):
        signal.raise_signal(signal.SIGINT)
    return entered

multiprocessing.synchronize.SemLock.__enter__ = enter_and_interrupt
"""

process_scripts = pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            script,
            id=script.path.stem,
            marks=pytest.mark.skipif(
                bool(script.skip_reason), reason=script.skip_reason
            ),
        )
        for script in find_scripts()
        if opens_process_pool(script.path.name)
    ],
)


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Check that Ctrl-C is handled after each test as it was before."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is handler


def interrupt() -> None:
    """Do what Ctrl-C does."""
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    """Raise an exception."""
    raise ValueError("no")


def hold(*steps: Callable[[], object]) -> None:
    """Take steps while interrupts are held."""
    with hold_interrupts():
        for step in steps:
            step()


def test_an_interrupt_takes_effect_at_the_end() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        hold(interrupt, lambda: done.append("what came after it"))
    assert done == ["what came after it"]


def test_two_interrupts_take_effect_once() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        hold(interrupt, interrupt)
    assert caught.value.__context__ is None


def test_without_an_interrupt_nothing_happens() -> None:
    hold()


def test_an_exception_comes_through() -> None:
    with pytest.raises(ValueError, match="no"):
        hold(fail)


def test_an_interrupt_comes_through_beside_an_exception() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        hold(interrupt, fail)
    assert isinstance(caught.value.__context__, ValueError)


# Where all processes of a pool wait for each other, a lost one gives up in the end too,
# unless it was the last to start: that is the second in some scripts, or the fourth.
@pytest.mark.parametrize("number", [2, 4])
@process_scripts
def test_ctrl_c_while_a_pool_starts_leaves_nothing_behind(
    script: Script, number: int, run_interrupted: RunInterrupted
) -> None:
    change = interrupt_start(number, "signal.raise_signal(signal.SIGINT)")
    status, log = run_interrupted(script.path.name, change)
    assert status != 0
    assert "\nKeyboardInterrupt" in log


@process_scripts
def test_ctrl_c_does_not_break_off_a_worker(
    script: Script, run_interrupted: RunInterrupted
) -> None:
    sitecustomize = INTERRUPTED_LOCK.format(name=script.path.name)
    status, log = run_interrupted(script.path.name, sitecustomize)
    assert status == 0, log
    assert "KeyboardInterrupt" not in log
