"""What the worker's main process does at short intervals: touch its liveness file, and look for ended runs.

A run's supervisor touches one file beside the run folders when it ends. After a change of that file
`jobs.reconcile` is sent at once. Nothing depends on this, for beat sends the task every two seconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import bootsteps

from common import queue
from common.storage import runs_root
from workers.contract.liveness import WORKER
from workers.contract.run_folder import EXITS
from workers.orchestration.liveness_files import touch

LIVENESS_SECONDS = 2.0
EXITS_SECONDS = 0.2


class WorkerTimer(bootsteps.StartStopStep):  # type: ignore[misc]
    """Uses the timer of the worker's event loop, so that a loop that hangs touches nothing."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._entries: list[Any] = []

    def start(self, parent: Any) -> None:
        touch(WORKER)
        exits = ExitsFile(runs_root() / EXITS)
        self._entries = [
            parent.timer.call_repeatedly(LIVENESS_SECONDS, touch, (WORKER,)),
            parent.timer.call_repeatedly(EXITS_SECONDS, exits.send_if_changed),
        ]

    def stop(self, parent: Any) -> None:
        for entry in self._entries:
            entry.cancel()


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
