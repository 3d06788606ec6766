"""The file that a leaving run touches, and the bell that is rung for it."""

from __future__ import annotations

import os

from common import queue
from workers.orchestration.exit_watcher import Watch


def test_the_bell_is_rung_once_for_each_end(tmp_path):
    ended = tmp_path / "ended"
    watch = Watch(ended)
    before = queue.waiting()
    watch.look()
    assert queue.waiting() == before
    ended.touch()
    watch.look()
    watch.look()
    assert queue.waiting() == before + 1
    # A clock that was set back is a move as well.
    os.utime(ended, ns=(0, 1))
    watch.look()
    assert queue.waiting() == before + 2
