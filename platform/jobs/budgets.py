"""Whether a failed attempt is tried again: pure arithmetic over the job's counters.

A machine may be lost (or the run told to stop by a stranger) five times, the system may fail twice without a new checkpoint in between,
the user's fault is never tried again, and the same failure at the same point twice is the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jobs.models import Job
from workers.contract.specs.run import RunError

LOSSES = 5
FRUITLESS = 2
LONGEST_DELAY = timedelta(seconds=60)


class Cause(StrEnum):
    LOST = "lost"
    """Killed, vanished, or silent beyond its lease: says nothing about the work itself."""
    STOPPED = "stopped"
    """It ended in order as if told to, but not by the platform: somebody on the node, or its own doing."""
    SYSTEM = "system"
    """The engine (or the node) reported that it could not go on, or it stalled."""


@dataclass(frozen=True)
class Retry:
    delay: timedelta
    counters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GiveUp:
    error: RunError


def decide(job: Job, cause: Cause, error: RunError) -> Retry | GiveUp:
    """What becomes of `job` after its current attempt ended by `cause` with `error`.

    The counters are those since the last checkpoint: a run that gets on may be lost for weeks.
    """
    if cause is not Cause.SYSTEM:
        losses = job.losses + 1
        if losses > LOSSES:
            too_often = _lost_too_often if cause is Cause.LOST else _stopped_too_often
            return GiveUp(too_often(job.kind, losses))
        # What was lost once is started again soon, what is lost again and again ever later.
        return Retry(_delay(losses - 1), {"losses": losses})
    if job.failed_code == error.code and job.failed_at == job.progress_done:
        return GiveUp(error)
    fruitless = job.fruitless + 1
    if fruitless > FRUITLESS:
        return GiveUp(error)
    return Retry(
        _delay(fruitless),
        {"fruitless": fruitless, "failed_code": error.code, "failed_at": job.progress_done},
    )


def _delay(failures: int) -> timedelta:
    return min(timedelta(seconds=2) * (2**failures - 1), LONGEST_DELAY)


def _lost_too_often(kind: str, losses: int) -> RunError:
    return RunError(
        code=f"{kind}.system.lost",
        message=(
            f"The process or its machine was lost {losses} times without getting any further. "
            "Look at the node's memory, power and log, then start the job again."
        ),
    )


def _stopped_too_often(kind: str, times: int) -> RunError:
    return RunError(
        code=f"{kind}.system.stopped",
        message=(
            f"The process was told to stop {times} times without getting any further, and not by the "
            "platform. Look for what ends processes on the node, then start the job again."
        ),
    )
