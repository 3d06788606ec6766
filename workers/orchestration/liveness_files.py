"""Files that the supervisor or Kubernetes watches: touched as long as the worker's loop turns, tasks begin, beat ticks."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from celery import bootsteps
from celery.signals import task_prerun
from django.conf import settings

WORKER, BEAT, TASKS = "worker", "beat", "tasks"
WORKER_SECONDS = 2.0


def touch(name: str) -> None:
    """A sign of life; where the folder is missing (nobody watches) or full, nothing happens."""
    with suppress(OSError):
        (settings.KOSHA_VAR / "beacons" / name).touch()


class WorkerBeacon(bootsteps.StartStopStep):  # type: ignore[misc]
    """Touches from the timer of the worker's main process: a loop that hangs touches nothing."""

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
def _a_task_begins(**_: object) -> None:
    touch(TASKS)
