"""Launch the waiting jobs that fit, in their order."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from celery import shared_task

from common.connections import is_away
from common.disk import is_disk_full
from common.locks import try_lock
from common.tenancy import every_organization
from jobs.capacity import choose, due_jobs, free_of, in_turn
from jobs.models import Cluster, Job, WaitsFor
from jobs.services import (
    job_claim,
    job_failed,
    job_launched,
    job_lease_extend,
    job_requeue,
    jobs_estimated,
    jobs_leave_to_newer,
    jobs_wait,
)
from jobs.transitions import JobState
from jobs.types import job_types
from workers.orchestration.attempt import next_step, not_launched_attempt
from workers.orchestration.cores import share_cores
from workers.orchestration.disk_budget import DiskBudget, disk_need
from workers.orchestration.launchers.base import Launcher
from workers.orchestration.launchers.installed import Launchers, installed_launchers
from workers.orchestration.run_setup import engine_of, run_of, write_config

logger = logging.getLogger(__name__)

BATCH = 200


@shared_task(name="jobs.dispatch")
def dispatch_task() -> None:
    dispatch(installed_launchers())


def dispatch(launchers: Launchers) -> None:
    """Claim and launch, cluster by cluster. May run twice at once."""
    _collect()
    with every_organization("clusters serve every organization"):
        waiting = Job.objects.filter(state=JobState.QUEUED).values("cluster_id")
        for cluster in Cluster.objects.filter(pk__in=waiting, is_active=True, launcher__in=list(launchers)):
            for job in _claim(cluster):
                _launch_safely(job, launchers[cluster.launcher])
    share_cores(launchers)


def _collect() -> None:
    """One worker at a time, so that what waits for the same job is not divided."""
    with try_lock("collecting") as locked:
        for known in job_types() if locked else ():
            try:
                known.collect()
            except Exception as error:
                if is_away(error):
                    raise
                logger.exception("the jobs of type %s were not collected", known.name)


def _launch_safely(job: Job, launcher: Launcher) -> None:
    """An error with one job (such as a disk too full even to revoke it) does not stop the others. Reconcile
    handles the job when its lease has ended."""
    try:
        # Jobs claimed together are launched one after the other, so the last one's lease may be nearly over.
        if job_lease_extend(job=job):
            launch(job, launcher)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("%s was claimed but not launched", job.id)


def launch(job: Job, launcher: Launcher) -> None:
    """Start the claimed attempt of `job`; if that fails, it goes back into the queue."""
    run = run_of(job)
    try:
        engine = engine_of(job)
        write_config(job, engine)
        handle = launcher.launch(run, engine)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("%s could not be launched", job.id)
        # It may have started before the error; then it is a run like any other.
        if not launcher.revoke(run):
            return
        step = next_step(job, not_launched_attempt(job.kind, error, disk_is_full=is_disk_full(error)))
        if step.error is not None:
            job_failed(job=job, error=step.error)
        else:
            job_requeue(job=job, reason=step.reason, delay=step.delay, **step.columns)
    else:
        job_launched(job=job, handle=handle)


def _claim(cluster: Cluster) -> list[Job]:
    """Claim what fits; one worker at a time, so that no capacity is assigned twice.

    The disk is shared by all clusters, so all claims share one lock.
    """
    with try_lock("claims") as locked:
        if not locked:
            return []
        waiting = in_turn(jobs_leave_to_newer(waiting=due_jobs(cluster)), BATCH)
        needs = _disk_needs(waiting)
        budget = DiskBudget()
        # A job that lacks disk space reserves nothing on the cluster, so it delays no other job.
        fit_on_disk = [job for job in waiting if budget.holds(needs[job.id])]
        fit_on_cluster = choose(fit_on_disk, free_of(cluster))
        chosen = [job for job in fit_on_cluster if budget.take(needs[job.id])]
        lack_place = [job for job in fit_on_disk if job not in fit_on_cluster]
        lack_disk = [job for job in waiting if job not in chosen and job not in lack_place]
        jobs_wait(jobs=lack_place, waits_for=WaitsFor.PLACE)
        jobs_wait(jobs=lack_disk, waits_for=WaitsFor.DISK)
        return [job for job in chosen if job_claim(job=job)]


def _disk_needs(waiting: Iterable[Job]) -> dict[str, int]:
    """Bytes by job; what is estimated for the first time is kept."""
    estimated = {job.id: disk_need(job) for job in waiting if job.disk_bytes is None}
    jobs_estimated(needs=estimated)
    return {job.id: estimated.get(job.id, job.disk_bytes or 0) for job in waiting}
