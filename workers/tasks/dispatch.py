"""Launch what waits and fits: by priority, then age, and nobody starves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from celery import shared_task
from django.db import Error
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce, Now

from common.tenancy import every_organization
from jobs.budgets import Cause, Retry, decide
from jobs.kinds import KINDS
from jobs.models import Cluster, Job
from jobs.services import job_claim, job_failed, job_launched, job_requeue
from jobs.transitions import ACTIVE, JobState
from workers.runtime import write_json
from workers.specs.run import RunConfig, RunError
from workers.tasks.folders import previous_run_dirs
from workers.tasks.launchers import Launchers, installed_launchers
from workers.tasks.launchers.base import Engine, Launcher, RunRef
from workers.tasks.locks import try_lock

logger = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True)
class Capacity:
    """What is free of a cluster; a figure below zero is a debt to a job that waits for it."""

    cpus: int
    gpus: int
    memory_bytes: int
    light: int

    def holds(self, job: Job) -> bool:
        """What a job does not ask for may be overdrawn."""
        asked = [(job.cpus, self.cpus), (job.gpus, self.gpus), (job.memory_bytes, self.memory_bytes)]
        return all(need == 0 or need <= free for need, free in [*asked, (job.light, self.light)])

    def without(self, job: Job) -> Capacity:
        return replace(
            self,
            cpus=self.cpus - job.cpus,
            gpus=self.gpus - job.gpus,
            memory_bytes=self.memory_bytes - job.memory_bytes,
            light=self.light - job.light,
        )


def choose(waiting: Iterable[Job], free: Capacity) -> list[Job]:
    """Which of `waiting` (in order) start now.

    The first job that does not fit reserves what it asks for: those behind it may only take what
    it does not need. So small jobs slip through, but never hold up a big one for ever.
    """
    chosen, reserved = [], False
    for job in waiting:
        if free.holds(job):
            chosen.append(job)
            free = free.without(job)
        elif not reserved:
            reserved = True
            free = free.without(job)
    return chosen


def engine_of(job: Job) -> Engine:
    return Engine(KINDS[job.kind].engine_module, job.processes, max(1, job.cpus // job.processes))


@shared_task(name="jobs.dispatch")
def dispatch_task() -> None:
    dispatch(installed_launchers())


def dispatch(launchers: Launchers, engine: Callable[[Job], Engine] = engine_of) -> None:
    """Claim and launch, cluster by cluster. May run twice at once."""
    with every_organization("clusters serve every organization"):
        for cluster, launcher in _clusters_with_work(launchers):
            for job in _claim(cluster):
                _launch_safely(job, launcher, engine(job))


def _launch_safely(job: Job, launcher: Launcher, engine: Engine) -> None:
    """Trouble with one job (a disk too full even to revoke it) must not cost the others their start;
    reconcile comes back to it when its lease has ended."""
    try:
        launch(job, launcher, engine)
    except Error:
        raise
    except Exception:
        logger.exception("%s was claimed but not launched", job.id)


def run_of(job: Job) -> RunRef:
    return RunRef(job.id, job.fence, job.run_dir)


def launch(job: Job, launcher: Launcher, engine: Engine) -> None:
    """Start the claimed attempt of `job`; if that fails, it goes back into the queue."""
    try:
        _write_config(job, engine)
        handle = launcher.launch(run_of(job), engine)
    except Error:
        raise
    except Exception as error:
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
    """Claim what fits; one worker at a time, so that no capacity is given twice."""
    with try_lock(f"cluster {cluster.id}") as locked:
        if not locked:
            return []
        due = Job.objects.filter(cluster=cluster, state=JobState.QUEUED).filter(
            Q(not_before=None) | Q(not_before__lte=Now())
        )
        waiting = list(due.order_by("-priority", "id")[:BATCH])
        return [job for job in choose(waiting, _free(cluster)) if job_claim(job=job)]


def _free(cluster: Cluster) -> Capacity:
    """The cluster's capacity without what active jobs hold; a job asked to stop still holds it."""
    fields = ("cpus", "gpus", "memory_bytes", "light")
    used = Job.objects.filter(cluster=cluster, state__in=ACTIVE).aggregate(
        **{f"used_{field}": Coalesce(Sum(field), 0) for field in fields}
    )
    return Capacity(
        cpus=cluster.cpus - used["used_cpus"],
        gpus=cluster.gpus - used["used_gpus"],
        memory_bytes=cluster.memory_bytes - used["used_memory_bytes"],
        light=cluster.light_slots - used["used_light"],
    )


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
    write_json(job.run_dir / "config.json", config.model_dump(mode="json"))


def _launch_failed(job: Job, error: Exception) -> None:
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
