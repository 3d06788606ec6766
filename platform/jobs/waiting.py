"""Why a queued job has not started, and its place in line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.tenancy import every_organization
from jobs.capacity import Capacity, choose, due_jobs, free_of, in_turn
from jobs.models import Cluster, Job, WaitsFor
from jobs.transitions import JobState

LATE_AFTER = timedelta(seconds=30)
"""Dispatch looks at the queue every two seconds."""

LONGEST_LINE = 1000
"""Places beyond this one are not told apart."""


class Reason(StrEnum):
    CLUSTER_PAUSED = "cluster_paused"
    RETRY_LATER = "retry_later"
    WORKERS = "workers"
    DISK = "disk"
    CPUS = "cpus"
    GPUS = "gpus"
    MEMORY = "memory_bytes"
    LIGHT = "light"
    TURN = "turn"
    """There is room for it, but those before it in line start first."""
    SOON = "soon"
    LATE = "late"
    """It could have started for a while, but no worker has looked at it."""


_LACKS = {
    "cpus": Reason.CPUS,
    "gpus": Reason.GPUS,
    "memory_bytes": Reason.MEMORY,
    "light": Reason.LIGHT,
    "light_long": Reason.LIGHT,
    "light_memory_bytes": Reason.LIGHT,
}
"""By the figure of the cluster's capacity."""

NEEDS_A_PERSON = frozenset({Reason.CLUSTER_PAUSED, Reason.WORKERS, Reason.DISK, Reason.LATE})


@dataclass(frozen=True)
class Waiting:
    reason: Reason
    message: str
    place: int | None
    """1 starts next. None while it may not start yet, and beyond `LONGEST_LINE`."""
    is_light: bool = False
    """It stands in the line of the jobs without cores of their own, which have places for themselves."""
    needed_bytes: int | None = None
    """Of the disk, where it waits for that."""

    @property
    def needs_a_person(self) -> bool:
        return self.reason in NEEDS_A_PERSON


def waiting_of(jobs: Iterable[Job], lines: dict[str, Line] | None = None) -> dict[str, Waiting]:
    """Of those of `jobs` that are queued, by id; `lines` keeps the lines of clusters from call to call."""
    queued = [job for job in jobs if job.state == JobState.QUEUED]
    lines = {} if lines is None else lines
    # Only numbers leave this scope.
    with every_organization("the jobs of all organizations stand in one line"):
        for job in queued:
            if job.cluster_id not in lines:
                lines[job.cluster_id] = Line(job.cluster)
    return {job.id: lines[job.cluster_id].waiting(job) for job in queued}


class Line:
    """The jobs that wait for a cluster, as dispatch serves them, and what the cluster has free."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        due = in_turn(due_jobs(cluster).defer("spec"), LONGEST_LINE)
        self.free = free_of(cluster)
        unhindered = [job for job in due if job.waits_for not in (WaitsFor.DISK, WaitsFor.WORKERS)]
        self.starting = {job.id for job in choose(unhindered, self.free)}
        self.places: dict[str, int] = {}
        self.behind_others: set[str] = set()
        """Those with a job of another organization before them."""
        lengths = {0: 0, 1: 0}
        seen: dict[int, set[str]] = {0: set(), 1: set()}
        for job in due:
            # Jobs without cores of their own are served apart from the others.
            lengths[job.light] += 1
            self.places[job.id] = lengths[job.light]
            if seen[job.light] - {job.organization_id}:
                self.behind_others.add(job.id)
            seen[job.light].add(job.organization_id)

    def waiting(self, job: Job) -> Waiting:
        reason = self._reason(job)
        return Waiting(
            reason=reason,
            message=self._message(reason, job),
            is_light=bool(job.light),
            place=None if reason is Reason.RETRY_LATER else self.places.get(job.id),
            needed_bytes=job.disk_bytes if reason is Reason.DISK else None,
        )

    def _message(self, reason: Reason, job: Job) -> str:
        sentence = _sentence(reason, job, self.free)
        if job.id not in self.behind_others or reason is Reason.SOON:
            return sentence
        others = _(
            "Jobs of other organizations are before it. Organizations take turns, so its number can also rise."
        )
        return f"{sentence} {others}"

    def _reason(self, job: Job) -> Reason:
        if not self.cluster.is_active:
            return Reason.CLUSTER_PAUSED
        if job.waits_for in (WaitsFor.DISK, WaitsFor.WORKERS):
            return Reason(job.waits_for)
        if job.id not in self.places and job.not_before is not None and job.not_before > timezone.now():
            return Reason.RETRY_LATER
        lacking = self.free.lacks(job)
        if lacking:
            return _LACKS[lacking[0]]
        if job.id not in self.starting:
            return Reason.TURN
        is_unseen = not job.waits_for and timezone.now() - job.created_at > LATE_AFTER
        return Reason.LATE if is_unseen else Reason.SOON


def _sentence(reason: Reason, job: Job, free: Capacity) -> str:
    return _SENTENCES[reason](job, free)


def _cluster_paused(job: Job, free: Capacity) -> str:
    return _("The cluster “%(name)s” starts no jobs at the moment. Ask your operator to open it again.") % {
        "name": job.cluster.name
    }


def _retry_later(job: Job, free: Capacity) -> str:
    assert job.not_before is not None
    moment = time_format(timezone.localtime(job.not_before), "H:i:s")
    return _("The last attempt was interrupted. It is tried again at %(time)s.") % {"time": moment}


def _workers(job: Job, free: Capacity) -> str:
    return _(
        "It was created by release %(release)s and waits for workers of that release. Ask your "
        "operator to upgrade the workers. It then starts automatically."
    ) % {"release": job.release}


def _disk(job: Job, free: Capacity) -> str:
    return _(
        "There is not enough space on the disk: it may take up to %(size)s. It starts automatically when there is. "
        "Delete what is no longer needed, or ask your operator for space."
    ) % {"size": filesizeformat(job.disk_bytes or 0)}


def _cpus(job: Job, free: Capacity) -> str:
    return ngettext(
        "It needs %(needed)d core; the cluster has %(free)d of %(all)d free.",
        "It needs %(needed)d cores; the cluster has %(free)d of %(all)d free.",
        job.cpus,
    ) % {"needed": job.cpus, "free": max(0, free.cpus), "all": job.cluster.cpus}


def _gpus(job: Job, free: Capacity) -> str:
    return ngettext(
        "It needs %(needed)d GPU; the cluster has %(free)d of %(all)d free.",
        "It needs %(needed)d GPUs; the cluster has %(free)d of %(all)d free.",
        job.gpus,
    ) % {"needed": job.gpus, "free": max(0, free.gpus), "all": job.cluster.gpus}


def _memory(job: Job, free: Capacity) -> str:
    return _("It needs %(needed)s of memory; the cluster has %(free)s free.") % {
        "needed": filesizeformat(job.memory_bytes),
        "free": filesizeformat(max(0, free.memory_bytes)),
    }


def _light(job: Job, free: Capacity) -> str:
    return _("Every place for short jobs is taken. It starts when one of them ends.")


def _turn(job: Job, free: Capacity) -> str:
    return _("The jobs before it in line start first.")


def _late(job: Job, free: Capacity) -> str:
    return _("It could start, but no worker has started it. Ask your operator to look at the workers.")


def _soon(job: Job, free: Capacity) -> str:
    return _("It starts in a few seconds.")


_SENTENCES: dict[Reason, Callable[[Job, Capacity], str]] = {
    Reason.CLUSTER_PAUSED: _cluster_paused,
    Reason.RETRY_LATER: _retry_later,
    Reason.WORKERS: _workers,
    Reason.DISK: _disk,
    Reason.CPUS: _cpus,
    Reason.GPUS: _gpus,
    Reason.MEMORY: _memory,
    Reason.LIGHT: _light,
    Reason.TURN: _turn,
    Reason.SOON: _soon,
    Reason.LATE: _late,
}
