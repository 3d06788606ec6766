"""Liveness files: touched while the worker's loop turns, when a task begins, at each tick of beat.

The supervisor or Kubernetes watches whether they change.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from celery import bootsteps
from celery.signals import task_prerun
from django.conf import settings

from workers.contract.liveness import FOLDER, TASKS, WORKER

WORKER_SECONDS = 2.0


def touch(name: str) -> None:
    """Does nothing where the folder is missing (nobody watches) or the disk is full."""
    with suppress(OSError):
        (settings.KOSHA_VAR / FOLDER / name).touch()


class WorkerLiveness(bootsteps.StartStopStep):  # type: ignore[misc]
    """Touches its file from the timer of the worker's main process: a loop that hangs touches nothing."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._entry: Any = None

    def start(self, parent: Any) -> None:
        touch(WORKER)
        self._entry = parent.timer.call_repeatedly(WORKER_SECONDS, touch, (WORKER,))

    def stop(self, parent: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()


@task_prerun.connect
def _touch_tasks(**_: object) -> None:
    touch(TASKS)
