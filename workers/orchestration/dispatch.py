"""Launch what waits and fits: by priority, then age, and nobody starves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from celery import shared_task

from common.connections import is_away
from common.disk import is_disk_full
from common.tenancy import every_organization
from jobs.budgets import Cause, Retry, decide
from jobs.capacity import choose, due_jobs, free_of
from jobs.models import Cluster, Job, WaitsFor
from jobs.services import (
    job_claim,
    job_failed,
    job_launched,
    job_lease_extend,
    job_requeue,
    job_waits,
    jobs_leave_to_newer,
)
from jobs.transitions import JobState
from jobs.types import job_type
from workers.contract.atomic_files import write_json
from workers.contract.run_folder import RunFolder
from workers.contract.specs.run import RunConfig, RunError
from workers.orchestration.disk_budget import Room, disk_need
from workers.orchestration.folders import previous_run_dirs
from workers.orchestration.launchers.base import Engine, Launcher, RunRef
from workers.orchestration.launchers.installed import Launchers, installed_launchers
from workers.orchestration.locks import try_lock

logger = logging.getLogger(__name__)

BATCH = 200
FULL_DELAY = timedelta(seconds=10)
"""After a full disk: somebody has to make room, which takes longer than a tick."""


def engine_of(job: Job) -> Engine:
    return Engine(job_type(job.kind).engine, job.processes, max(1, job.cpus // job.processes))


@shared_task(name="jobs.dispatch")
def dispatch_task() -> None:
    dispatch(installed_launchers())


def dispatch(launchers: Launchers) -> None:
    """Claim and launch, cluster by cluster. May run twice at once."""
    with every_organization("clusters serve every organization"):
        for cluster, launcher in _clusters_with_work(launchers):
            for job in _claim(cluster):
                _launch_safely(job, launcher)


def _launch_safely(job: Job, launcher: Launcher) -> None:
    """Trouble with one job (a disk too full even to revoke it) must not cost the others their start;
    reconcile comes back to it when its lease has ended."""
    try:
        # Those claimed together are launched one after the other: the last one's lease would be over.
        if job_lease_extend(job=job):
            launch(job, launcher, engine_of(job))
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("%s was claimed but not launched", job.id)


def run_of(job: Job) -> RunRef:
    return RunRef(job.id, job.fence, job.run_dir)


def launch(job: Job, launcher: Launcher, engine: Engine) -> None:
    """Start the claimed attempt of `job`; if that fails, it goes back into the queue."""
    try:
        _write_config(job, engine)
        handle = launcher.launch(run_of(job), engine)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("%s could not be launched", job.id)
        # It may have started before the error; then it is a run like any other.
        if launcher.revoke(run_of(job)):
            _launch_failed(job, error)
    else:
        job_launched(job=job, handle=handle)


def _clusters_with_work(launchers: Launchers) -> Iterator[tuple[Cluster, Launcher]]:
    waiting = Job.objects.filter(state=JobState.QUEUED).values("cluster_id")
    for cluster in Cluster.objects.filter(pk__in=waiting, is_active=True, launcher__in=list(launchers)):
        yield cluster, launchers[cluster.launcher]


def _claim(cluster: Cluster) -> list[Job]:
    """Claim what fits; one worker at a time, so that nothing is given twice.

    The room on the disk is every cluster's, so all claims share one lock.
    """
    with try_lock("claims") as locked:
        if not locked:
            return []
        waiting = list(jobs_leave_to_newer(waiting=due_jobs(cluster))[:BATCH])
        needs = {job.id: _disk_need(job) for job in waiting}
        room = Room()
        # A job without room asks for nothing of the cluster, so that it holds nobody up.
        with_room = [job for job in waiting if room.has(needs[job.id])]
        with_place = choose(with_room, free_of(cluster))
        chosen = [job for job in with_place if room.take(needs[job.id])]
        for job in waiting:
            if job not in chosen:
                waits_for = WaitsFor.DISK if job in with_place or job not in with_room else WaitsFor.PLACE
                job_waits(job=job, waits_for=waits_for, disk_bytes=needs[job.id])
        return [job for job in chosen if job_claim(job=job, disk_bytes=needs[job.id])]


def _disk_need(job: Job) -> int:
    return job.disk_bytes if job.disk_bytes is not None else disk_need(job)


def _write_config(job: Job, engine: Engine) -> None:
    config = RunConfig(
        job_id=job.id,
        kind=job.kind,
        fence=job.fence,
        attempt=job.attempt,
        run_dir=job.run_dir,
        previous_run_dirs=previous_run_dirs(job),
        threads=engine.threads,
        spec=job.spec,
    )
    job.run_dir.mkdir(parents=True, exist_ok=True)
    write_json(RunFolder(job.run_dir).config, config.model_dump(mode="json"))


def _launch_failed(job: Job, error: Exception) -> None:
    if is_disk_full(error):
        # It waits for room like any other, at no cost to its budgets.
        job_requeue(job=job, reason=f"{job.kind}.system.disk_full", delay=FULL_DELAY)
        return
    reason = RunError(
        code=f"{job.kind}.system.launch_failed",
        message=(
            f"The run could not be started ({type(error).__name__}). "
            "Look at the disk of the node and at the log of the workers."
        ),
    )
    # Not counted as the engine's failure: it has not run, and a full disk may be emptied.
    decision = decide(job, Cause.LOST, reason)
    if isinstance(decision, Retry):
        job_requeue(job=job, reason=reason.code, delay=decision.delay, **decision.counters)
    else:
        job_failed(job=job, error=reason)
