"""Make the database agree with what really runs: every two seconds, and when the bell is rung.

For each active job: relay its events, ask its launcher, and do the next thing that follows. Each
step is small, fenced and repeatable, so that a worker may die between any two of them and any
number of workers may do this at once.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db.models.functions import Now

from common.connections import is_away
from common.disk import disk
from common.release import is_newer
from common.tenancy import every_organization, organization_scope
from health.services import BEAT, tick_note
from jobs.budgets import Cause, Retry, decide
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
from workers.orchestration.attempt import Outcome, Verdict, read_outcome, stalled, was_asked_to_stop
from workers.orchestration.disk_budget import more_room
from workers.orchestration.dispatch import FULL_DELAY, dispatch, run_of
from workers.orchestration.event_import import median_step_seconds, relay_events
from workers.orchestration.finalize import finalize_ended
from workers.orchestration.folders import prune_attempts
from workers.orchestration.launchers.base import Absent, Exited, Launcher, Lost, Running
from workers.orchestration.launchers.installed import Launchers, installed_launchers
from workers.orchestration.locks import try_lock

logger = logging.getLogger(__name__)

CANCEL_GRACE = timedelta(seconds=10)
PAUSE_GRACE = timedelta(minutes=10)
"""A pause ends with a checkpoint, and a large one takes its time to write."""
KILL_MARGIN = timedelta(seconds=5)
"""Beyond the grace, for a launcher that does not kill by itself."""

STALL_STEPS = 10
STALL_AT_LEAST = timedelta(minutes=10)


@shared_task(name="jobs.reconcile", bind=True)
def reconcile_task(self: Any, rung_by: str = "") -> None:
    tick_note(worker=self.request.hostname or "", by_beat=rung_by == BEAT)
    reconcile(installed_launchers())


def reconcile(launchers: Launchers) -> None:
    """One tick. Trouble with one job never keeps the others waiting."""
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
        relay_events(job)
        match launcher.poll(run_of(job)):
            case Running():
                _attend(job, launcher, now)
            case Absent():
                _await(job, launcher, now)
            case Exited(code):
                _conclude(job, code)
            case Lost():
                _end_lost(job, launcher)


def end_strays(launcher: Launcher) -> None:
    """Kill what runs without the current fence."""
    # The list of runs comes first: whatever is in it was claimed before, and that is committed.
    for run in launcher.running():
        with every_organization("a stray run may be anyone's"):
            wanted = Job.objects.filter(pk=run.job_id, fence=run.fence, state__in=ACTIVE).exists()
        if not wanted:
            logger.warning("killing %s, attempt %d: it runs without a claim", run.job_id, run.fence)
            launcher.kill(run)


# -- a run that is there ----------------------------------------------------------------------------
def _attend(job: Job, launcher: Launcher, now: datetime) -> None:
    if job.state == JobState.STARTING and job_started(job=job):
        return
    if _shall_stop(job):
        _see_to_stop(job, launcher, now)
    pulse = _pulse(job)
    if pulse == job.pulse and _was_away(job, now):
        job_lease_extend(job=job)
        return
    job_polled(job=job, pulse=pulse)
    if pulse == job.pulse and job.lease_until is not None and now > job.lease_until:
        logger.warning("%s shows no heartbeat; ending it", job.id)
        _end_lost(job, launcher)
    elif job.state == JobState.RUNNING and _is_stalled(job, now) and launcher.kill(run_of(job)):
        _conclude(job, None, Outcome(Verdict.SYSTEM, stalled(job.kind)))


def _shall_stop(job: Job) -> bool:
    """Because somebody asked, or to leave the last of the disk to the database. A run that can continue
    from a checkpoint makes one; any other leaves at the next safe moment. Both wait for room."""
    if job.state in (JobState.PAUSING, JobState.CANCELLING) or job.stop_deadline is not None:
        return True
    return job.state == JobState.RUNNING and disk().is_full


def _see_to_stop(job: Job, launcher: Launcher, now: datetime) -> None:
    saves = job_type(job.kind).can_pause and job.state != JobState.CANCELLING
    grace = PAUSE_GRACE if saves else CANCEL_GRACE
    if job.stop_deadline is None:
        launcher.stop(run_of(job), grace.total_seconds())
        job_stop_sent(job=job, kill_after=grace + KILL_MARGIN)
    elif now > job.stop_deadline:
        # The next poll finds it lost, and the job cancelled or paused.
        launcher.kill(run_of(job))


def _pulse(job: Job) -> int:
    """Of the slowest rank: one that is stopped holds all the others up."""
    times = []
    for path in RunFolder(job.run_dir).heartbeats():
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime_ns)
    return min(times, default=0)


def _was_away(job: Job, now: datetime) -> bool:
    """Nobody looked for so long (the worker or the whole machine slept) that silence proves nothing."""
    return job.polled_at is not None and now - job.polled_at > LEASE / 2


def _is_stalled(job: Job, now: datetime) -> bool:
    patience = max(STALL_STEPS * timedelta(seconds=median_step_seconds(job)), STALL_AT_LEAST)
    return job.moved_at is not None and now > job.moved_at + patience


# -- a run that is not there -----------------------------------------------------------------------------
def _await(job: Job, launcher: Launcher, now: datetime) -> None:
    """Claimed, but nothing has started yet. Perhaps the worker died before it launched."""
    unwanted = job.state in (JobState.PAUSING, JobState.CANCELLING)
    overdue = job.lease_until is not None and now > job.lease_until
    if (unwanted or overdue) and launcher.revoke(run_of(job)):
        _conclude(job, None)


def _end_lost(job: Job, launcher: Launcher) -> None:
    # No new attempt before the old one is certainly dead: two must never write at once.
    if launcher.kill(run_of(job)):
        _conclude(job, None)


def _conclude(job: Job, code: int | None, outcome: Outcome | None = None) -> None:
    """The attempt is over. Whatever it still wrote is relayed before the job moves on."""
    relay_events(job)
    outcome = outcome or read_outcome(job.kind, job.run_dir, code)
    if job.state == JobState.STARTING and outcome.verdict is Verdict.SUCCEEDED:
        # So short a run that it ended between two polls.
        job_started(job=job)
    if job.state == JobState.CANCELLING:
        job_cancelled(job=job)
    elif outcome.verdict is Verdict.SUCCEEDED:
        job_succeeded(job=job, result=outcome.result)
    elif outcome.verdict is Verdict.USER:
        job_failed(job=job, error=outcome.error)
    elif job.state == JobState.PAUSING:
        # However it ended, it is not running, and resuming continues from its newest checkpoint.
        job_paused(job=job)
    else:
        _try_again(job, outcome)


_CAUSES = {Verdict.LOST: Cause.LOST, Verdict.STOPPED: Cause.STOPPED, Verdict.SYSTEM: Cause.SYSTEM}


def _try_again(job: Job, outcome: Outcome) -> None:
    # Asked now: the folder that tells may be the one that goes. It may also lie on a disk too full to tell.
    was_asked = was_asked_to_stop(job.run_dir)
    prune_attempts(job)
    if job.stop_deadline is not None and outcome.verdict in (Verdict.STOPPED, Verdict.LOST):
        # The disk was nearly full. It costs nothing, also where the run had to be killed. What begins
        # again from nothing would meet the same end with no more room than it had.
        more = {} if job_type(job.kind).can_pause else {"disk_bytes": more_room(job)}
        job_requeue(job=job, reason="disk_full", **more)
        return
    if outcome.verdict is Verdict.STOPPED and was_asked:
        # By nobody's wish: the installation was stopped. It costs nothing.
        job_requeue(job=job, reason="stopped")
        return
    if outcome.error.code == f"{job.kind}.system.disk_full":
        # Neither the run nor the node is at fault. It waits for more room than it was thought to take.
        job_requeue(job=job, reason=outcome.error.code, delay=FULL_DELAY, disk_bytes=more_room(job))
        return
    decision = decide(job, _CAUSES[outcome.verdict], outcome.error)
    if isinstance(decision, Retry):
        job_requeue(job=job, reason=outcome.error.code, delay=decision.delay, **decision.counters)
    else:
        job_failed(job=job, error=decision.error)
