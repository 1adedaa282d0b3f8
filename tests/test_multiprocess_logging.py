"""Records of several processes: vanished, overwritten, and all kept by the queue."""

import re

import pytest
from conftest import RunAsUser, RunChanged
from helpers import messages, split_by_speaker

SCRIPT = "multiprocess-logging.py"


def test_only_the_queue_keeps_every_record(run_as_user: RunAsUser) -> None:
    run = run_as_user(f"python3 {SCRIPT}")
    assert run.returncode == 0, run.stdout
    main = split_by_speaker(messages(run.stdout))["main"]
    overwritten = main.pop(4)
    assert main == [
        "Running vanishing records scenario!",
        "Kept 0 records in 0 lines but should be 3,000!",
        "",
        "Running overwritten records scenario!",
        "",
        "Running safe scenario!",
        "Kept 3,000 records in 3,000 lines, congratulations!",
    ]
    kept = re.fullmatch(r"Kept ([\d,]+) records in [\d,]+ lines but .*!", overwritten)
    assert kept is not None
    assert int(kept[1].replace(",", "")) < 3_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("make_handler, listener)\n    # The", "None, listener)\n    # The"),
        ("TASK_LOGGER.handlers = [handler]", "TASK_LOGGER.handlers = [handler] * 2"),
        ("log_by_own_handlers)", "log_by_queue)"),
        ("log_by_parents_handler)", "log_by_queue)"),
    ],
    ids=[
        "no handler",
        "twice",
        "nothing overwritten",
        "nothing vanished",
    ],
)
def test_it_fails_when_it_is_broken(
    run_changed: RunChanged, old: str, new: str
) -> None:
    run = run_changed(SCRIPT, old, new)
    assert run.returncode == 1, run.stdout
