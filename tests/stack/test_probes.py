"""What counts as a sign of life of the worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from stack import probes
from stack.processes import free_port
from workers.contract.liveness import BEAT, FILES, TASKS, WORKER

MAIN, TAKES_TASKS = 0, 1


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def touch(folder: Path, name: str) -> None:
    """An hour back: a clock that was set must not make a process look dead."""
    before = (folder / name).stat().st_mtime
    os.utime(folder / name, (before - 3600, before - 3600))


@pytest.mark.parametrize(
    ("changed", "main", "takes_tasks"),
    [
        ((WORKER, BEAT, TASKS), True, True),
        # Its loop does not run.
        ((BEAT,), False, False),
        # Its loop runs, beat sends tasks, and it takes none.
        ((WORKER, BEAT), True, False),
        # Beat sends nothing.
        ((WORKER,), True, True),
    ],
)
def test_worker_is_alive_when_its_loop_runs_and_it_takes_tasks(folder, changed, main, takes_tasks):
    watched = probes.worker_probes(folder, settings.REDIS_URL)
    for name in changed:
        touch(folder, name)
    assert watched[MAIN].check() is main
    assert watched[TAKES_TASKS].check() is takes_tasks


def test_worker_passes_while_the_broker_is_away(folder):
    watched = probes.worker_probes(folder, f"redis://127.0.0.1:{free_port()}/0")
    touch(folder, BEAT)
    assert watched[MAIN].check()
    touch(folder, BEAT)
    assert watched[TAKES_TASKS].check()


def test_reports_each_change_of_a_liveness_file_once(folder):
    changed = probes.Touched(folder / BEAT)
    assert not changed()
    touch(folder, BEAT)
    assert changed()
    assert not changed()
    touch(folder, BEAT)
    changed.reset()
    assert not changed()
