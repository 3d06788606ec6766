"""A task that takes longer than a worker may take to end."""

from __future__ import annotations

import time
from pathlib import Path

from celery import shared_task


@shared_task(name="tests.slow")
def slow(begun: str) -> None:
    Path(begun).touch()
    time.sleep(60)
