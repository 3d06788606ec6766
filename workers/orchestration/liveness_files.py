"""Liveness files: touched at intervals by the worker, when a task begins, and at each tick of beat.

The supervisor or Kubernetes watches whether they change.
"""

from __future__ import annotations

from contextlib import suppress

from celery.signals import task_prerun
from django.conf import settings

from workers.contract.liveness import FOLDER, TASKS


def touch(name: str) -> None:
    """Does nothing where the folder is missing (liveness is not watched) or the disk is full."""
    with suppress(OSError):
        (settings.KOSHA_VAR / FOLDER / name).touch()


@task_prerun.connect
def _touch_tasks(**_: object) -> None:
    touch(TASKS)
