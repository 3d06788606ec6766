"""The file that a supervisor touches when its run has ended, and the task that is sent for it."""

from __future__ import annotations

import os

from common import queue
from workers.orchestration.worker_timer import ExitsFile


def test_sends_one_task_for_each_ended_run(tmp_path):
    ended = tmp_path / "ended"
    exits = ExitsFile(ended)
    before = queue.waiting()
    exits.send_if_changed()
    assert queue.waiting() == before
    ended.touch()
    exits.send_if_changed()
    exits.send_if_changed()
    assert queue.waiting() == before + 1
    # A clock that was set back changes the time as well.
    os.utime(ended, ns=(0, 1))
    exits.send_if_changed()
    assert queue.waiting() == before + 2
