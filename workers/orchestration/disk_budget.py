"""The disk budget: how many bytes a job will write, and whether the disk has room for them.

The type of job estimates its need on the high side: a job that waits for space that it does
not need is only delayed, but a job that fills the disk stops everything. Where the estimate was too low, the next
attempt asks for more (`larger_need`).
"""

from __future__ import annotations

from pydantic import ValidationError

from common.disk import disk, folder_bytes
from jobs.models import Job
from jobs.transitions import ACTIVE
from jobs.types import find_job_type

MEBIBYTE = 1 << 20
SMALLEST_NEED = 16 * MEBIBYTE
"""Events, logs, and what a small job makes."""
MAX_GROWTH = 4


def disk_need(job: Job) -> int:
    """Bytes that the job writes at most at the same time, about."""
    known = find_job_type(job.kind)
    if known is None:
        return SMALLEST_NEED
    try:
        return SMALLEST_NEED + known.disk_bytes(known.spec.model_validate(job.spec))
    except ValidationError:
        # The engine will refuse the spec.
        return SMALLEST_NEED


def larger_need(job: Job) -> int:
    """What to ask for after an attempt that met a full disk: twice as much as before.

    At most `MAX_GROWTH` times the estimate, or the job could wait for ever on a disk that has room for it. Where
    that is not enough, something else fills the disk.
    """
    before = job.disk_bytes or 0
    return min(2 * max(before, SMALLEST_NEED), max(MAX_GROWTH * disk_need(job), before))


class DiskBudget:
    """Bytes for new jobs: what is free above the reserve and not promised to those that run."""

    def __init__(self) -> None:
        now = disk()
        active = Job.objects.filter(state__in=ACTIVE).exclude(disk_bytes=None)
        promised = sum(max(0, (job.disk_bytes or 0) - folder_bytes(job.run_dir)) for job in active)
        self._left = now.free - now.reserve - promised

    def holds(self, size: int) -> bool:
        return size <= self._left

    def take(self, size: int) -> bool:
        if not self.holds(size):
            return False
        self._left -= size
        return True
