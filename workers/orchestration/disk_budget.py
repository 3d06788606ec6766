"""How much room on the disk a job will take, and whether there is so much.

The type of job estimates it on the high side: a job that waits for room it would not have needed costs an
operator a look, a job that fills the disk costs everybody everything. Where the estimate was too low all
the same, the failed attempt doubles it (`more_room`).
"""

from __future__ import annotations

from collections.abc import Iterable

from common.disk import disk, folder_bytes
from jobs.models import Job
from jobs.transitions import ACTIVE
from jobs.types import job_type

MEBIBYTE = 1 << 20
SMALLEST = 16 * MEBIBYTE
"""Events, logs, and what a small job makes."""
MOST_ESTIMATES = 4


def disk_need(job: Job) -> int:
    """Bytes that the job writes at most at the same time, about."""
    return SMALLEST + job_type(job.kind).disk_estimate(job.spec)


def more_room(job: Job) -> int:
    """What to ask for after an attempt that met a full disk.

    Not without end, or it waited for ever on a disk that it fits on: where several times the estimate is
    not enough, others fill the disk.
    """
    most = MOST_ESTIMATES * disk_need(job)
    return min(2 * max(job.disk_bytes or 0, SMALLEST), max(most, job.disk_bytes or 0))


class Room:
    """The room for new jobs: what is free above the reserve and not promised to those that run."""

    def __init__(self) -> None:
        now = disk()
        self._left = now.free - now.reserve - sum(map(_still_to_come, _active()))

    def has(self, size: int) -> bool:
        return size <= self._left

    def take(self, size: int) -> bool:
        if not self.has(size):
            return False
        self._left -= size
        return True


def _active() -> Iterable[Job]:
    return Job.objects.filter(state__in=ACTIVE).exclude(disk_bytes=None)


def _still_to_come(job: Job) -> int:
    return max(0, (job.disk_bytes or 0) - folder_bytes(job.run_dir))
