"""Long work of a worker is done a slice of time at a time, so that others get their turn."""

from __future__ import annotations

import time

SLICE_SECONDS = 20.0


class OutOfTime(Exception):
    """The slice is over. What is not done is left to another task."""


def slice_end() -> float:
    """When a slice that begins now is over, by the monotonic clock."""
    return time.monotonic() + SLICE_SECONDS


def refuse_late(end: float) -> None:
    """Raises OutOfTime."""
    if time.monotonic() > end:
        raise OutOfTime
