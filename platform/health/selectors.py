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

from accounts.selectors import MailState, mail_state
from audit.selectors import TrailState, trail_state
from common.tenancy import every_organization
from health.models import SignOfLife
from health.services import BEAT, WORKER
from jobs.capacity import choose, due_jobs, free_of, in_turn
from jobs.models import Cluster, Job, WaitsFor
from jobs.transitions import TERMINAL, JobState

LOOKED_AT = 200
"""Waiting jobs of a cluster: as many as one dispatch looks at."""


@dataclass(frozen=True)
class PendingMigrations:
    """The tables may not be those of this program, so nothing else is asked."""

    count: int


@dataclass(frozen=True)
class DatabaseFacts:
    now: datetime
    beat: datetime | None
    """When its last tick was seen."""
    workers: tuple[datetime, ...]
    """When each was last seen."""
    oldest_waiting: float | None
    """Seconds since a job could have been started and was not; None: there is none."""
    oldest_unfinalized: float | None
    """Seconds since a job ended whose result is not registered; None: there is none."""
    waits_for_disk: bool
    waits_for_workers: bool
    trail: TrailState
    parser_isolations: tuple[str, ...]
    """Of each cluster that documents have been read on: how the last parser was isolated."""
    ocr_engines: tuple[str, ...]
    """Of each of them: the engine for text in pictures, or `none`."""
    mail: MailState

    def age(self, moment: datetime) -> float:
        return (self.now - moment).total_seconds()


def database_facts() -> DatabaseFacts | PendingMigrations:
    pending = _known_migrations() - set(MigrationRecorder(connection).applied_migrations())
    if pending:
        return PendingMigrations(len(pending))
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()
    seen = dict(SignOfLife.objects.values_list("name", "seen_at"))
    workers = tuple(moment for name, moment in seen.items() if name.startswith(WORKER))
    with every_organization("the installation's health counts every job"):
        ended = Job.objects.filter(state__in=TERMINAL, cleaned_at=None, finalized_at=None)
        unfinalized = ended.order_by("ended_at").values_list("ended_at", flat=True).first()
        queued = Job.objects.filter(state=JobState.QUEUED, cleaned_at=None)
        known = Cluster.objects.filter(is_active=True).exclude(parser_isolation="")
        return DatabaseFacts(
            now=now,
            beat=seen.get(BEAT),
            workers=workers,
            oldest_waiting=max(_waiting_seconds(now, max(workers, default=None)), default=None),
            oldest_unfinalized=(now - unfinalized).total_seconds() if unfinalized else None,
            waits_for_disk=queued.filter(waits_for=WaitsFor.DISK).exists(),
            waits_for_workers=queued.filter(waits_for=WaitsFor.WORKERS).exists(),
            trail=trail_state(),
            parser_isolations=tuple(known.values_list("parser_isolation", flat=True)),
            ocr_engines=tuple(known.exclude(ocr="").values_list("ocr", flat=True)),
            mail=mail_state(),
        )


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Those of the running program; the database is not asked."""
    return frozenset(MigrationLoader(None).disk_migrations or {})


def _waiting_seconds(now: datetime, last_look: datetime | None) -> Iterator[float]:
    """For each job that could have been started, since when. Resources may have come free a moment ago, so a job
    that a dispatch has looked at counts from the last look at the latest."""
    queued = Job.objects.filter(state=JobState.QUEUED, cleaned_at=None).values("cluster_id")
    for cluster in Cluster.objects.filter(pk__in=queued, is_active=True):
        rows = due_jobs(cluster).exclude(waits_for__in=[WaitsFor.DISK, WaitsFor.WORKERS]).annotate(now=Now())
        for job in choose(in_turn(rows, LOOKED_AT), free_of(cluster)):
            since = max(job.created_at, job.not_before or job.created_at)
            if job.waits_for and last_look is not None:
                since = max(since, last_look)
            yield max(now - since, timedelta()).total_seconds()
