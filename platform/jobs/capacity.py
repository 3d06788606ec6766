"""The free capacity of a cluster, and which waiting jobs may start on it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from jobs.models import Cluster, Job
from jobs.transitions import ACTIVE, JobState


@dataclass(frozen=True)
class Capacity:
    """The free resources of a cluster. A figure falls below zero where a waiting job reserves more than is free."""

    cpus: int
    gpus: int
    memory_bytes: int
    light: int

    def holds(self, job: Job) -> bool:
        """A figure that the job does not ask for may be below zero."""
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
    it does not need. So small jobs start early, but never block a large one for ever.
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


def due_jobs(cluster: Cluster) -> QuerySet[Job]:
    """The queued jobs whose `not_before` has passed, oldest first."""
    rows = Job.objects.filter(cluster=cluster, state=JobState.QUEUED)
    return rows.filter(Q(not_before=None) | Q(not_before__lte=Now())).order_by("id")


def in_turn(due: QuerySet[Job], limit: int) -> list[Job]:
    """The first `limit` of `due`, in the order in which they are served.

    The places in the queue are ordered by age. Each organization fills the places of its own jobs by priority,
    so no priority delays the jobs of another organization.
    """
    waiting = list(due.values_list("id", "organization_id", "priority"))
    own: defaultdict[str, deque[str]] = defaultdict(deque)
    # Sorting is stable: equals stay in the order of their age.
    for id, organization_id, _priority in sorted(waiting, key=lambda row: -row[2]):
        own[organization_id].append(id)
    ids = [own[organization_id].popleft() for _id, organization_id, _priority in waiting[:limit]]
    rows = due.in_bulk(ids)
    return [rows[id] for id in ids if id in rows]


def free_of(cluster: Cluster) -> Capacity:
    """The cluster's capacity minus that of its active jobs, including those that are stopping."""
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
