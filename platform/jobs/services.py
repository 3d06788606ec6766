"""The only writer of jobs, for requests of people and for the tasks of the orchestration.

A move is one conditional UPDATE filtered by id, expected states and fence. Where it changes no row, another
writer was first, and the function returns False (or the job as it now is). The JobEvent and the AuditEvent
of a move are written in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from audit.services import SYSTEM, Actor, audit_record
from common import queue
from common.digests import value_digest
from common.errors import Conflict
from common.places import spec_digest
from common.release import RELEASE
from common.tenancy import current_organization_id
from jobs.clusters import refuse_crowding, refuse_oversize, usable_cluster
from jobs.failures import error_columns
from jobs.models import Job, JobEvent, WaitsFor
from jobs.selectors import job_by_idempotency_key, job_get, newer_releases
from jobs.transitions import ACTIVE, MOVES, TERMINAL, JobState
from jobs.types import Placement, job_type, job_types
from workers.contract.spec import Spec
from workers.contract.specs.run import RunError

LEASE = timedelta(seconds=30)
"""How long an engine may show no heartbeat before it is ended."""

START_LEASE = timedelta(seconds=120)
"""The first lease of a run: importing torch on a busy node takes long."""


# -- requested by people and pipelines -------------------------------------------------------
@transaction.atomic
def job_submit(
    *,
    spec: Spec,
    actor: Actor,
    placement: Placement = Placement(),
    idempotency_key: str | None = None,
    request_digest: str = "",
) -> Job:
    """Queue a job in the current organization; the class of `spec` decides its type.

    The same `idempotency_key` with the same request returns the first job; with another request it raises
    Conflict. Raises NotFound or Conflict when the cluster cannot be used, InvalidRequest when it is too small.
    """
    digest = value_digest([request_digest or spec_digest(spec), placement.asked()])
    if idempotency_key is not None and (first := job_by_idempotency_key(idempotency_key, digest)):
        return first
    cluster = usable_cluster(placement.cluster)
    kind = next(known for known in job_types() if known.spec is type(spec))
    processes = kind.processes(spec)
    need = kind.usual.settle(placement.resources, cluster, processes, kind.size(spec))
    refuse_oversize(need, cluster)
    refuse_crowding(processes, need)
    job = Job(
        organization_id=current_organization_id(),
        kind=kind.name,
        spec=spec.model_dump(mode="json"),
        release=RELEASE,
        cluster=cluster,
        priority=placement.priority,
        processes=processes,
        **asdict(need),
        idempotency_key=idempotency_key,
        request_digest=digest,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        # Two requests with one key came at the same moment; the other one has committed by now.
        if first := job_by_idempotency_key(idempotency_key or "", digest):
            return first
        raise
    _note(job, actor, "submitted", {"kind": kind.name, "cluster": cluster.name})
    queue.send("jobs.dispatch")
    return job


def job_cancel(*, job: Job, actor: Actor) -> Job:
    """Stop for good: at once if it waits, else after its engine has ended. Repeatable."""
    return _ask(
        job,
        actor,
        {
            JobState.QUEUED: JobState.CANCELLED,
            JobState.PAUSED: JobState.CANCELLED,
            JobState.STARTING: JobState.CANCELLING,
            JobState.RUNNING: JobState.CANCELLING,
            JobState.PAUSING: JobState.CANCELLING,
        },
        done={JobState.CANCELLING, JobState.CANCELLED},
        refusal=Conflict("job_has_ended", _("The job has already ended; there is nothing to cancel.")),
    )


def job_pause(*, job: Job, actor: Actor) -> Job:
    """Stop after a checkpoint, to be resumed later. Only for kinds of job that write checkpoints."""
    if not job_type(job.kind).can_pause:
        raise Conflict("job_cannot_pause", _("A job of this kind cannot be paused. Cancel it instead."))
    return _ask(
        job,
        actor,
        {
            JobState.QUEUED: JobState.PAUSED,
            JobState.STARTING: JobState.PAUSING,
            JobState.RUNNING: JobState.PAUSING,
        },
        done={JobState.PAUSING, JobState.PAUSED},
        refusal=Conflict("job_not_running", _("The job neither waits nor runs, so it cannot be paused.")),
    )


def job_resume(*, job: Job, actor: Actor) -> Job:
    """Queue a paused job again; it continues from its newest undamaged checkpoint."""
    return _ask(
        job,
        actor,
        {JobState.PAUSED: JobState.QUEUED},
        not_before=Now(),
        done={JobState.QUEUED, JobState.STARTING, JobState.RUNNING},
        refusal=Conflict("job_not_paused", _("The job is not paused, so it cannot be resumed.")),
    )


def _ask(
    job: Job,
    actor: Actor,
    moves: dict[JobState, JobState],
    *,
    done: set[JobState],
    refusal: Conflict,
    not_before: Now | None = None,
) -> Job:
    """Make the one of `moves` that fits the job's present state, which may change meanwhile."""
    for _attempt in range(len(JobState)):
        job = job_get(job.id)
        state = JobState(job.state)
        if state in done:
            return job
        if state not in moves:
            raise refusal
        to = moves[state]
        fields: dict[str, Any] = {"ended_at": Now()} if to in TERMINAL else {}
        if _move(job, {state}, to, actor, stop_deadline=None, not_before=not_before, **fields):
            queue.send("jobs.reconcile")
            return job_get(job.id)
    raise refusal


# -- written by the orchestration -------------------------------------------------------------
def job_claim(*, job: Job) -> bool:
    """Take a waiting job for launching. On True the object holds the new fence and attempt.

    Of any number of simultaneous claims exactly one is answered True.
    """
    before = job.fence
    claimed = _move(
        job,
        {JobState.QUEUED},
        JobState.STARTING,
        SYSTEM,
        fence=F("fence") + 1,
        attempt=F("attempt") + 1,
        lease_until=Now() + LEASE,
        polled_at=Now(),
        progress_seen_at=Now(),
        started_at=models.functions.Coalesce("started_at", Now()),
        claimed_at=Now(),
        handle=None,
        waits_for="",
        release=RELEASE,
        heartbeat_mtime=0,
        not_before=None,
        stop_deadline=None,
        events_offset=0,
        events_sequence=-1,
        last_event_time=None,
        step_seconds=[],
        event_fence=before + 1,
    )
    if claimed:
        job.refresh_from_db()
    return claimed


def jobs_estimated(*, needs: Mapping[str, int]) -> None:
    """Keep how much of the disk each of these waiting jobs is expected to take."""
    Job.objects.bulk_update((Job(pk=id, disk_bytes=need) for id, need in needs.items()), ["disk_bytes"])


def jobs_wait(*, jobs: Iterable[Job], waits_for: str) -> int:
    """Keep why due jobs were not started; written only where that changes."""
    rows = Job.objects.filter(pk__in=[job.id for job in jobs], state=JobState.QUEUED)
    return rows.exclude(waits_for=waits_for).update(waits_for=waits_for)


def jobs_leave_to_newer(*, waiting: models.QuerySet[Job]) -> models.QuerySet[Job]:
    """Mark the jobs of `waiting` that a newer release has written as waiting for its workers; returns the others."""
    newer = newer_releases(waiting)
    if not newer:
        return waiting
    left = waiting.filter(release__in=newer).exclude(waits_for=WaitsFor.WORKERS)
    left.order_by().update(waits_for=WaitsFor.WORKERS)
    return waiting.exclude(release__in=newer)


def job_launched(*, job: Job, handle: dict[str, Any]) -> bool:
    """Store the launcher's answer."""
    return bool(_current(job, ACTIVE).update(handle=handle))


def job_started(*, job: Job) -> bool:
    """The engine is known to run, or to have run."""
    return _move(job, {JobState.STARTING}, JobState.RUNNING, SYSTEM, lease_until=Now() + START_LEASE)


def job_polled(*, job: Job, heartbeat_mtime: int) -> bool:
    """Record a poll of the launcher; a changed heartbeat renews the lease."""
    fields: dict[str, Any] = {"polled_at": Now()}
    if heartbeat_mtime != job.heartbeat_mtime:
        fields |= {"heartbeat_mtime": heartbeat_mtime, "lease_until": Now() + LEASE}
    return bool(_current(job, ACTIVE).update(**fields))


def job_lease_extend(*, job: Job) -> bool:
    """Another lease for an engine that could not be polled in time."""
    return bool(
        _current(job, ACTIVE).update(polled_at=Now(), progress_seen_at=Now(), lease_until=Now() + LEASE)
    )


def job_events_imported(*, job: Job, offset: int, events: Sequence[JobEvent], **fields: Any) -> bool:
    """Record that `events.jsonl` was imported up to byte `offset`; False if another worker was first.

    Must run inside the transaction of whatever else the events cause.
    """
    rows = _current(job, ACTIVE).filter(events_offset=job.events_offset)
    # The row is locked first, so that events of one job become visible in the order of their ids.
    if not rows.update(events_offset=offset, **fields):
        return False
    JobEvent.objects.bulk_create(events)
    return True


def job_stop_sent(*, job: Job, kill_after: timedelta) -> bool:
    return bool(_current(job, ACTIVE).update(stop_deadline=Now() + kill_after))


def job_requeue(*, job: Job, reason: str, delay: timedelta = timedelta(), **counters: Any) -> bool:
    """Another attempt, no sooner than after `delay`; `counters` are columns of the retry budget,
    or a new estimate of the disk space it takes."""
    moved = _move(
        job,
        {JobState.STARTING, JobState.RUNNING},
        JobState.QUEUED,
        SYSTEM,
        reason=reason,
        not_before=Now() + delay,
        lease_until=None,
        seconds_left=None,
        **counters,
    )
    if moved:
        queue.send("jobs.dispatch")
    return moved


def job_paused(*, job: Job) -> bool:
    return _move(job, {JobState.PAUSING}, JobState.PAUSED, SYSTEM, lease_until=None, seconds_left=None)


def job_cancelled(*, job: Job) -> bool:
    return _end(job, {JobState.CANCELLING}, JobState.CANCELLED)


def job_succeeded(*, job: Job, result: dict[str, Any]) -> bool:
    return _end(job, {JobState.RUNNING, JobState.PAUSING}, JobState.SUCCEEDED, result=result)


def job_failed(*, job: Job, error: RunError) -> bool:
    return _end(
        job,
        {JobState.STARTING, JobState.RUNNING, JobState.PAUSING},
        JobState.FAILED,
        reason=error.code,
        **error_columns(error),
    )


def job_result_lost(*, job: Job, error: RunError) -> bool:
    """What a run has made is gone before its success was shown."""
    if not _current(job, {JobState.SUCCEEDED}).filter(finalized_at=None).exists():
        return False
    return _move(
        job,
        {JobState.SUCCEEDED},
        JobState.FAILED,
        SYSTEM,
        reason=error.code,
        **error_columns(error),
    )


def job_finalized(*, job: Job) -> bool:
    rows = _current(job, TERMINAL).filter(finalized_at=None)
    return bool(rows.update(finalized_at=Now()))


def job_finalize_failed(*, job: Job, reason: str, delay: timedelta) -> None:
    """Finalizing raised an error; it is repeated after `delay`, as often as needed."""
    rows = _current(job, TERMINAL).filter(cleaned_at=None)
    with transaction.atomic():
        if rows.update(finalize_failures=F("finalize_failures") + 1, finalize_after=Now() + delay):
            event_write(job, "log", f"finalize: {reason}", level="error")


def job_cleaned(*, job: Job) -> bool:
    return bool(_current(job, TERMINAL).exclude(finalized_at=None).update(cleaned_at=Now()))


def event_write(job: Job, type_: str, message: str, *, level: str = "info", **data: Any) -> None:
    """A note of the platform's own in the job's history."""
    JobEvent.objects.create(
        organization_id=job.organization_id,
        job_id=job.id,
        fence=data.pop("fence", job.fence),
        type=type_,
        level=level,
        message=message,
        data=data,
    )


# -- the move itself ----------------------------------------------------------------------------
def _current(job: Job, states: Iterable[JobState]) -> models.QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, fence=job.fence, state__in=list(states))


def _end(job: Job, expected: set[JobState], to: JobState, **fields: Any) -> bool:
    return _move(
        job, expected, to, SYSTEM, ended_at=Now(), lease_until=None, seconds_left=None, handle=None, **fields
    )


@transaction.atomic
def _move(
    job: Job,
    expected: set[JobState],
    to: JobState,
    actor: Actor,
    *,
    reason: str = "",
    event_fence: int | None = None,
    **fields: Any,
) -> bool:
    for state in expected:
        if to not in MOVES[state]:
            raise ValueError(f"{state} to {to} is not a legal move")
    if not _current(job, expected).update(state=to, **fields):
        return False
    job.state = to
    fence = job.fence if event_fence is None else event_fence
    event_write(job, "state", to, reason=reason, fence=fence)
    _note(job, actor, to, {"fence": fence, "reason": reason} if reason else {"fence": fence})
    return True


def _note(job: Job, actor: Actor, verb: str, data: dict[str, Any]) -> None:
    audit_record(
        organization_id=job.organization_id,
        actor=actor,
        action=f"job.{verb}",
        target_type="job",
        target_id=job.id,
        data=data,
    )
