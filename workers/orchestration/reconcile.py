"""Make the database agree with what really runs: every two seconds, and whenever the task is sent.

For each active job: import its events, ask its launcher, and do the next thing that follows. Each step is
small, fenced and repeatable, so that a worker may die between any two of them and any number of workers may
do this at once.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from celery import shared_task
from django.db.models.functions import Now

from common.connections import is_away
from common.disk import disk
from common.locks import try_lock
from common.release import is_newer
from common.tenancy import every_organization, organization_scope
from health.services import BEAT, tick_note
from jobs.models import Job
from jobs.services import (
    LEASE,
    job_cancelled,
    job_failed,
    job_lease_extend,
    job_paused,
    job_polled,
    job_requeue,
    job_started,
    job_stop_sent,
    job_succeeded,
)
from jobs.transitions import ACTIVE, JobState
from jobs.types import job_type
from workers.contract.run_folder import RunFolder
from workers.orchestration.attempt import Attempt, End, next_step, read_attempt, stalled_attempt
from workers.orchestration.dispatch import dispatch
from workers.orchestration.event_import import import_events
from workers.orchestration.finalize import finalize_ended
from workers.orchestration.folders import prune_attempts
from workers.orchestration.launchers.base import Absent, Exited, Launcher, Lost, Running
from workers.orchestration.launchers.installed import Launchers, installed_launchers
from workers.orchestration.run_setup import run_of

logger = logging.getLogger(__name__)

CANCEL_GRACE = timedelta(seconds=10)
PAUSE_GRACE = timedelta(minutes=10)
"""A pause ends with a checkpoint, and a large one takes its time to write."""
KILL_MARGIN = timedelta(seconds=5)
"""Beyond the grace, for a launcher that does not kill by itself."""

STALL_STEPS = 10
STALL_AT_LEAST = timedelta(minutes=10)


@shared_task(name="jobs.reconcile", bind=True)
def reconcile_task(self: Any, sender: str = "") -> None:
    tick_note(worker=self.request.hostname or "", by_beat=sender == BEAT)
    reconcile(installed_launchers())


def reconcile(launchers: Launchers) -> None:
    """One tick. An error with one job does not stop the work on the others."""
    with every_organization("reconcile looks after every job"):
        active = Job.objects.filter(state__in=ACTIVE, cleaned_at=None).order_by("id")
        found = list(active.values_list("id", "organization_id", "cluster__launcher"))
    for job_id, organization_id, launcher in found:
        if launcher in launchers:
            with organization_scope(organization_id):
                _reconcile_safely(job_id, launchers[launcher])
    finalize_ended()
    for each in launchers.values():
        end_strays(each)
    dispatch(launchers)


def _reconcile_safely(job_id: str, launcher: Launcher) -> None:
    try:
        reconcile_job(job_id, launcher)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("reconciling %s failed", job_id)


def reconcile_job(job_id: str, launcher: Launcher) -> None:
    with try_lock(f"job {job_id}") as locked:
        job = Job.objects.filter(pk=job_id, state__in=ACTIVE).annotate(now=Now()).first()
        if not locked or job is None or is_newer(job.release):
            return
        now: datetime = job.now
        import_events(job)
        match launcher.poll(run_of(job)):
            case Running():
                _attend(job, launcher, now)
            case Absent():
                # Claimed, but nothing has started yet. Perhaps the worker died before it launched.
                is_unwanted = job.state in (JobState.PAUSING, JobState.CANCELLING)
                is_overdue = job.lease_until is not None and now > job.lease_until
                if (is_unwanted or is_overdue) and launcher.revoke(run_of(job)):
                    _conclude(job, read_attempt(job.kind, job.run_dir, None))
            case Exited(code):
                _conclude(job, read_attempt(job.kind, job.run_dir, code))
            case Lost():
                _end_lost(job, launcher)


def end_strays(launcher: Launcher) -> None:
    """Kill what runs without the current fence."""
    # The list of runs comes first: each run in it was claimed before, and that claim is committed.
    for run in launcher.running():
        with every_organization("a stray run may be anyone's"):
            is_claimed = Job.objects.filter(pk=run.job_id, fence=run.fence, state__in=ACTIVE).exists()
        if not is_claimed:
            logger.warning("killing %s, attempt %d: it runs without a claim", run.job_id, run.fence)
            launcher.kill(run)


# -- a run that is there ----------------------------------------------------------------------------
def _attend(job: Job, launcher: Launcher, now: datetime) -> None:
    if job.state == JobState.STARTING and job_started(job=job):
        return
    is_asked = job.state in (JobState.PAUSING, JobState.CANCELLING) or job.stop_deadline is not None
    # On a full disk the run is stopped, so that the database can still write. It continues from a checkpoint,
    # or starts again, when there is space.
    if is_asked or (job.state == JobState.RUNNING and disk().is_full):
        _stop(job, launcher, now)
    heartbeat_mtime = _heartbeat_mtime(job)
    is_silent = heartbeat_mtime == job.heartbeat_mtime
    if is_silent and job.polled_at is not None and now - job.polled_at > LEASE / 2:
        # The last poll is long ago (the worker or the whole machine was suspended), so silence proves nothing.
        job_lease_extend(job=job)
        return
    job_polled(job=job, heartbeat_mtime=heartbeat_mtime)
    if is_silent and job.lease_until is not None and now > job.lease_until:
        logger.warning("%s shows no heartbeat; ending it", job.id)
        _end_lost(job, launcher)
        return
    usual_step = timedelta(seconds=median(job.step_seconds) if job.step_seconds else 0)
    timeout = max(STALL_STEPS * usual_step, STALL_AT_LEAST)
    is_stalled = job.progress_seen_at is not None and now > job.progress_seen_at + timeout
    if is_stalled and job.state == JobState.RUNNING and launcher.kill(run_of(job)):
        _conclude(job, stalled_attempt(job.kind))


def _stop(job: Job, launcher: Launcher, now: datetime) -> None:
    """Ask it once, and kill it after the deadline."""
    makes_checkpoint = job_type(job.kind).can_pause and job.state != JobState.CANCELLING
    grace = PAUSE_GRACE if makes_checkpoint else CANCEL_GRACE
    if job.stop_deadline is None:
        launcher.stop(run_of(job), grace.total_seconds())
        job_stop_sent(job=job, kill_after=grace + KILL_MARGIN)
    elif now > job.stop_deadline:
        # The next poll finds it lost, and the job cancelled or paused.
        launcher.kill(run_of(job))


def _heartbeat_mtime(job: Job) -> int:
    """The oldest one of all ranks: a rank that hangs blocks the others."""
    times = []
    for path in RunFolder(job.run_dir).heartbeats():
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime_ns)
    return min(times, default=0)


# -- a run that is over ----------------------------------------------------------------------------------
def _end_lost(job: Job, launcher: Launcher) -> None:
    # No new attempt before the old one is certainly dead: two must never write at once.
    if launcher.kill(run_of(job)):
        _conclude(job, read_attempt(job.kind, job.run_dir, None))


def _conclude(job: Job, attempt: Attempt) -> None:
    """The attempt is over. Everything it still wrote is imported before the job moves on."""
    import_events(job)
    if job.state == JobState.STARTING and attempt.end is End.SUCCEEDED:
        # So short a run that it ended between two polls.
        job_started(job=job)
    step = next_step(job, attempt)
    match step.state:
        case JobState.SUCCEEDED:
            job_succeeded(job=job, result=attempt.result)
        case JobState.CANCELLED:
            job_cancelled(job=job)
        case JobState.PAUSED:
            job_paused(job=job)
        case JobState.FAILED:
            job_failed(job=job, error=step.error or attempt.error)
        case JobState.QUEUED:
            prune_attempts(job)
            job_requeue(job=job, reason=step.reason, delay=step.delay, **step.columns)
