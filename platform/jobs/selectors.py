"""Reads of jobs; all inside an organization scope unless they say otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Case, Q, QuerySet, When

from common.errors import IdempotencyKeyReused, NotFound
from common.release import is_newer
from common.tenancy import current_organization_id
from jobs.models import Cluster, Job, JobEvent
from jobs.transitions import JobState


def job_get(id: str) -> Job:
    job = job_list().filter(pk=id).first()
    if job is None:
        raise NotFound("job_id")
    return job


def job_list(*, kind: str | None = None, state: str | None = None) -> QuerySet[Job]:
    """`state` is the public one: a success not yet finalized counts as running.

    Without their specs: that of an index build names every document, and no page or answer shows it.
    """
    rows: QuerySet[Job] = Job.objects.select_related("cluster").defer("spec")
    if kind is not None:
        rows = rows.filter(kind=kind)
    if state == JobState.RUNNING:
        rows = rows.filter(state=JobState.RUNNING) | rows.filter(state=JobState.SUCCEEDED, finalized_at=None)
    elif state == JobState.SUCCEEDED:
        rows = rows.filter(state=state).exclude(finalized_at=None)
    elif state is not None:
        rows = rows.filter(state=state)
    return rows


def running_first(state: str = "state") -> Case:
    """Orders unfinished jobs by their field `state`: what runs, what waits in line, what is paused."""
    ranks = [When(**{state: JobState.QUEUED}, then=1), When(**{state: JobState.PAUSED}, then=2)]
    return Case(*ranks, default=0)


def job_events(
    job: Job, after: int | None = None, limit: int = 100, types: Iterable[str] | None = None
) -> list[JobEvent]:
    """Events after the given event id, oldest first."""
    rows = job.events.all()
    if after is not None:
        rows = rows.filter(pk__gt=after)
    if types is not None:
        rows = rows.filter(type__in=list(types))
    return list(rows.order_by("pk")[:limit])


def newest_job_events(job: Job, limit: int) -> list[JobEvent]:
    """The newest `limit` events that a person reads (curves are drawn, not listed), oldest first."""
    rows = job.events.exclude(type="metrics").order_by("-pk")[:limit]
    return list(reversed(rows))


def public_state(job: Job) -> str:
    """The state that is shown: no `succeeded` before the row of its result is complete."""
    if job.state == JobState.SUCCEEDED and job.finalized_at is None:
        return JobState.RUNNING.value
    return JobState(job.state).value


def newer_releases(rows: QuerySet[Job]) -> list[str]:
    """The releases after this one that have written some of `rows`."""
    releases = rows.order_by().values_list("release", flat=True).distinct()
    return [release for release in releases if is_newer(release)]


def understood(rows: QuerySet[Job]) -> QuerySet[Job]:
    """Without the jobs that a newer release has written: its workers take care of those."""
    newer = newer_releases(rows)
    return rows.exclude(release__in=newer) if newer else rows


def cluster_list() -> QuerySet[Cluster]:
    """The clusters that are lent to the current organization."""
    granted = Q(is_shared=True) | Q(grants__organization_id=current_organization_id())
    return Cluster.objects.filter(granted).distinct()


def job_by_idempotency_key(key: str, request_digest: str) -> Job | None:
    """The job made with this key before. Raises Conflict if it was made by another request."""
    job: Job | None = Job.objects.filter(idempotency_key=key).first()
    if job is not None and job.request_digest != request_digest:
        raise IdempotencyKeyReused
    return job
