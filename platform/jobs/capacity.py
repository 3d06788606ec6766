"""The free capacity of a cluster, and which waiting jobs may start on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import connection
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from jobs.models import Cluster, Job
from jobs.transitions import ACTIVE, JobState


@dataclass(frozen=True)
class Capacity:
    """What is free of a cluster; a figure below zero is reserved for a job that waits for it.

    Light jobs have places and memory of their own, so they never wait for the others, nor the others for them.
    """

    cpus: int
    gpus: int
    memory_bytes: int
    light: int
    light_long: int
    light_memory_bytes: int

    def holds(self, job: Job) -> bool:
        return not self.lacks(job)

    def lacks(self, job: Job) -> list[str]:
        """The figures of which the job needs more. One that it does not ask for may be below zero."""
        return [figure for figure, need in _needs(job).items() if need > 0 and need > getattr(self, figure)]

    def without(self, job: Job) -> Capacity:
        return replace(self, **{figure: getattr(self, figure) - need for figure, need in _needs(job).items()})


def _needs(job: Job) -> dict[str, int]:
    if job.light:
        return {"light": 1, "light_long": job.light_long, "light_memory_bytes": job.memory_bytes}
    return {"cpus": job.cpus, "gpus": job.gpus, "memory_bytes": job.memory_bytes}


def choose(waiting: Iterable[Job], free: Capacity) -> list[Job]:
    """Which of `waiting` (in order) start now.

    The first job that does not fit reserves what it asks for: those behind it may only take what
    it does not need. So small jobs start early, but never hold up a big one for ever. A light job reserves
    nothing: all of them are over in minutes.
    """
    chosen, reserved = [], False
    for job in waiting:
        if free.holds(job):
            chosen.append(job)
            free = free.without(job)
        elif not reserved and not job.light:
            reserved = True
            free = free.without(job)
    return chosen


def due_jobs(cluster: Cluster) -> QuerySet[Job]:
    """The queued jobs whose `not_before` has passed, oldest first."""
    rows = Job.objects.filter(cluster=cluster, state=JobState.QUEUED)
    return rows.filter(Q(not_before=None) | Q(not_before__lte=Now())).order_by("id")


_IN_TURN = """
WITH due AS ({due}),
held AS (
    SELECT organization_id, cluster_id, light, count(*) AS jobs
    FROM jobs_job WHERE state = ANY(%s) AND cleaned_at IS NULL
    GROUP BY organization_id, cluster_id, light
),
served AS (
    SELECT asking.*, (
        SELECT job.claimed_at FROM jobs_job job
        WHERE job.organization_id = asking.organization_id AND job.cluster_id = asking.cluster_id
          AND job.light = asking.light AND job.claimed_at IS NOT NULL
        ORDER BY job.claimed_at DESC LIMIT 1
    ) AS at
    FROM (SELECT DISTINCT organization_id, cluster_id, light FROM due) asking
),
turns AS (
    SELECT due.id, due.light, served.at,
        min(due.id) OVER (PARTITION BY organization_id, cluster_id, light) AS oldest,
        coalesce(held.jobs, 0) + row_number() OVER (
            PARTITION BY organization_id, cluster_id, light ORDER BY due.priority DESC, due.id
        ) AS turn
    FROM due
    JOIN served USING (organization_id, cluster_id, light)
    LEFT JOIN held USING (organization_id, cluster_id, light)
),
places AS (
    SELECT id, light, row_number() OVER (PARTITION BY light ORDER BY turn, at NULLS FIRST, oldest, id) AS place FROM turns
)
SELECT id FROM places WHERE place <= %s ORDER BY light DESC, place
"""
"""Light jobs and the others are two queues. In each the organizations take turns: the n-th job of one, those that
run included, comes before the n+1-th of any other. Of equal ones that of the organization that was served longest
ago comes first, then of the one whose oldest job waits longest. On the turns of one organization its jobs go by
priority and age, so no priority delays the jobs of another organization."""


def in_turn(due: QuerySet[Job], limit: int) -> list[Job]:
    """The first `limit` of each queue of `due`, in the order in which they are served."""
    columns = due.order_by().values("id", "organization_id", "cluster_id", "light", "priority")
    sql, parameters = columns.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_IN_TURN.format(due=sql), [*parameters, [str(state) for state in ACTIVE], limit])
        ids = [id for (id,) in cursor.fetchall()]
    rows = due.in_bulk(ids)
    return [rows[id] for id in ids if id in rows]


def free_of(cluster: Cluster) -> Capacity:
    """The cluster's capacity without what active jobs hold; a job asked to stop still holds it."""
    sums = {figure: Sum(figure) for figure in ("cpus", "gpus", "light", "light_long")}
    sums |= {
        "heavy_memory": Sum("memory_bytes", filter=Q(light=0)),
        "light_memory": Sum("memory_bytes", filter=Q(light=1)),
    }
    active = Job.objects.filter(cluster=cluster, state__in=ACTIVE)
    used = active.aggregate(**{f"used_{name}": Coalesce(total, 0) for name, total in sums.items()})
    return Capacity(
        cpus=cluster.cpus - used["used_cpus"],
        gpus=cluster.gpus - used["used_gpus"],
        memory_bytes=cluster.memory_share(light=False) - used["used_heavy_memory"],
        light=cluster.light_slots - used["used_light"],
        light_long=cluster.light_long_slots - used["used_light_long"],
        light_memory_bytes=cluster.memory_share(light=True) - used["used_light_memory"],
    )
