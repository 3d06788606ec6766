"""Reads: what only the database knows about the installation's health. Ages are by its clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now

from common.tenancy import every_organization
from health.models import SignOfLife
from health.services import BEAT, WORKER
from jobs.capacity import choose, due_jobs, free_of
from jobs.models import Cluster, Job, WaitsFor
from jobs.transitions import TERMINAL, JobState

LOOKED_AT = 200
"""Waiting jobs of a cluster: as many as one dispatch looks at."""


@dataclass(frozen=True)
class Signs:
    now: datetime
    beat: datetime | None
    workers: tuple[datetime, ...]

    def age(self, moment: datetime | None) -> float | None:
        return None if moment is None else (self.now - moment).total_seconds()

    @property
    def newest_worker(self) -> datetime | None:
        return max(self.workers, default=None)


@dataclass(frozen=True)
class Queue:
    """Ages in seconds; None: there is none."""

    oldest_waiting: float | None
    """Of a job that could start at once, and was not."""
    oldest_unfinalized: float | None
    """Of a job that ended, and whose result is not registered."""
    waits_for_disk: bool
    waits_for_workers: bool


@dataclass(frozen=True)
class DatabaseFacts:
    pending_migrations: int
    signs: Signs | None
    queue: Queue | None
    """None where migrations are missing: there may be nothing to ask."""


def database_facts() -> DatabaseFacts:
    pending = _pending_migrations()
    if pending:
        return DatabaseFacts(pending, None, None)
    signs = _signs()
    return DatabaseFacts(0, signs, _queue(signs))


def _pending_migrations() -> int:
    return len(_known_migrations() - set(MigrationRecorder(connection).applied_migrations()))


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Those of the code that runs; the database is not asked."""
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations)


def _signs() -> Signs:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()
    seen = dict(SignOfLife.objects.values_list("name", "seen_at"))
    workers = tuple(moment for name, moment in seen.items() if name.startswith(WORKER))
    return Signs(now, seen.get(BEAT), workers)


def _queue(signs: Signs) -> Queue:
    with every_organization("the installation's health counts every job"):
        waiting = max(_waiting_ages(signs), default=None)
        ended = Job.objects.filter(state__in=TERMINAL, cleaned_at=None, finalized_at=None)
        oldest = ended.order_by("ended_at").values_list("ended_at", flat=True).first()
        queued = Job.objects.filter(state=JobState.QUEUED, cleaned_at=None)
        return Queue(
            waiting,
            signs.age(oldest),
            waits_for_disk=queued.filter(waits_for=WaitsFor.DISK).exists(),
            waits_for_workers=queued.filter(waits_for=WaitsFor.WORKERS).exists(),
        )


def _waiting_ages(signs: Signs) -> Iterator[float]:
    queued = Job.objects.filter(state=JobState.QUEUED, cleaned_at=None).values("cluster_id")
    for cluster in Cluster.objects.filter(pk__in=queued, is_active=True):
        rows = due_jobs(cluster).exclude(waits_for__in=[WaitsFor.DISK, WaitsFor.WORKERS]).annotate(now=Now())
        for job in choose(rows[:LOOKED_AT], free_of(cluster)):
            yield _fits_for(job, signs)


def _fits_for(job: Job, signs: Signs) -> float:
    """How long it could have been started. A place may have come free a moment ago, so a job that
    was looked at before counts from the last look at the latest."""
    age = signs.now - max(job.created_at, job.not_before or job.created_at)
    last_look = signs.newest_worker
    if job.waits_for and last_look is not None:
        age = min(age, signs.now - last_look)
    return max(age, timedelta()).total_seconds()
