"""All ways to count primes count the same, and say how fast they were."""

import concurrent.futures
import re
import threading
from collections.abc import Callable
from types import ModuleType

import pytest
from conftest import RunAsUser
from helpers import messages

SCRIPT = "multiprocess-basic.py"


@pytest.fixture
def basic(
    load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """Return the script as a module, with less to do, and threads for processes."""
    script = load_script(SCRIPT)
    monkeypatch.setattr(script, "NUMBERS", 2_000)
    monkeypatch.setattr(script, "TINY_TASKS", 40)
    monkeypatch.setattr(script, "meet", threading.Barrier.wait)
    monkeypatch.setattr(
        concurrent.futures,
        "ProcessPoolExecutor",
        concurrent.futures.ThreadPoolExecutor,
    )
    return script


def test_the_workers_shares_together_have_every_odd_prime(basic: ModuleType) -> None:
    primes = [
        number
        for number in range(3, basic.NUMBERS)
        if all(number % divisor for divisor in range(2, number))
    ]
    shares = [basic.count_primes(worker_id) for worker_id in range(basic.WORKERS)]
    assert sum(shares) == len(primes)
    assert min(shares) > len(primes) / 5


@pytest.mark.parametrize("way", ["count_in_thread", "count_in_process", "is_prime"])
def test_it_fails_when_a_way_has_another_result(
    basic: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    assert basic.main() == 0
    calls: list[int] = []

    def count_calls(_: int) -> int:
        calls.append(1)
        return len(calls)

    monkeypatch.setattr(basic, way, count_calls)
    assert basic.main() == 1
    assert caplog.records[-1].levelname == "WARNING"


def test_every_way_tells_its_seconds(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    log = "\n".join(messages(run.stdout))
    loop, threads, processes, tiny = re.findall(
        r"^(?:Loop|Threads|Processes): (\d+\.\d+)s", log, re.MULTILINE
    )
    assert 0 < float(tiny) < float(loop)
    for seconds, way in ((threads, "Threads"), (processes, "Processes")):
        [speed_up] = re.findall(
            rf"^{way}: {seconds}s, speed-up (.+)$", log, re.MULTILINE
        )
        assert float(speed_up) == pytest.approx(float(loop) / float(seconds), rel=0.1)
    assert log.endswith("All ways found the same 56,542 primes, congratulations!")
