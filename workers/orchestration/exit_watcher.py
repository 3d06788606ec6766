"""Starts `jobs.reconcile` as soon as a run of this machine has ended, instead of at the next tick.

A run's supervisor touches one file beside the run folders when it ends. The worker's main process looks
whether that file has changed, and sends the task. Nothing depends on it: a tick comes every two seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import bootsteps

from common import queue
from common.storage import runs_root
from workers.contract.run_folder import EXITS

LOOK_SECONDS = 0.2


class ExitWatcher(bootsteps.StartStopStep):  # type: ignore[misc]
    """Looks from the timer of the worker's main process."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._entry: Any = None

    def start(self, parent: Any) -> None:
        exits = ExitsFile(runs_root() / EXITS)
        self._entry = parent.timer.call_repeatedly(LOOK_SECONDS, exits.send_if_changed)

    def stop(self, parent: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()


class ExitsFile:
    """Sends `jobs.reconcile` once for each change of the file's modification time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._mtime()

    def send_if_changed(self) -> None:
        mtime = self._mtime()
        if mtime != self._seen:
            self._seen = mtime
            queue.send_now("jobs.reconcile")

    def _mtime(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
