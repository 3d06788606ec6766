"""A task that takes longer than a worker may take to end, in a child that ignores the signal."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from celery import shared_task


@shared_task(name="tests.slow")
def slow(begun: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(begun).touch()
    time.sleep(60)
