"""Tells the workers at once that a run of this machine has ended, instead of at the next tick.

A run's wrapper touches one file beside the run folders when it leaves; the worker's main process looks
whether that file has moved, and rings. Nothing rests on it: a tick that is due comes anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import bootsteps

from common import queue
from common.storage import runs_root
from workers.contract.run_folder import EXITS

LOOK_SECONDS = 0.2


class Doorbell(bootsteps.StartStopStep):  # type: ignore[misc]
    """Looks from the timer of the worker's main process."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._entry: Any = None

    def start(self, parent: Any) -> None:
        self._entry = parent.timer.call_repeatedly(LOOK_SECONDS, Watch(runs_root() / EXITS).look)

    def stop(self, parent: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()


class Watch:
    """Rings for `jobs.reconcile` once for each time `path` is seen to have moved."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._moved()

    def look(self) -> None:
        moved = self._moved()
        if moved != self._seen:
            self._seen = moved
            queue.ring("jobs.reconcile")

    def _moved(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
