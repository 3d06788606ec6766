"""Which cluster a job runs on: the default one, and the limits of the others."""

from __future__ import annotations

import os

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from audit.services import SYSTEM, audit_record
from common.errors import Conflict, InvalidRequest, NotFound
from common.tenancy import every_organization
from jobs.models import Cluster, ClusterGrant, Job, LauncherName
from jobs.selectors import cluster_list
from jobs.transitions import TERMINAL
from jobs.types import Need
from workers.contract import fork_server

BUILT_IN = "local"


def cluster_default() -> Cluster:
    """The cluster of this machine, open to every organization. Created when first needed."""
    found = _machine()
    measured = {f"measured_{figure}": value for figure, value in found.items()}
    cluster, created = Cluster.objects.get_or_create(
        name=BUILT_IN,
        defaults={"launcher": LauncherName.LOCAL, "is_shared": True, **found, **measured},
    )
    if created:
        with transaction.atomic():
            audit_record(
                organization_id=None,
                actor=SYSTEM,
                action="cluster.created",
                target_type="cluster",
                target_id=cluster.id,
                data={"name": cluster.name, "cpus": cluster.cpus},
            )
    return cluster


@transaction.atomic
def cluster_measure() -> None:
    """Set the figures of the built-in cluster to those of this machine, which may be another since a restore.

    A figure that differs from the last measured one was set by hand and is not changed.
    """
    cluster = Cluster.objects.select_for_update(no_key=True).filter(name=BUILT_IN).first()
    if cluster is None:
        return
    found = _machine()
    changed = {
        figure: value
        for figure, value in found.items()
        if getattr(cluster, figure) == getattr(cluster, f"measured_{figure}") != value
    }
    if not changed:
        return
    for figure, value in changed.items():
        setattr(cluster, figure, value)
        setattr(cluster, f"measured_{figure}", value)
    cluster.save(update_fields=[*changed, *(f"measured_{figure}" for figure in changed)])
    _cut_waiting(cluster)
    audit_record(
        organization_id=None,
        actor=SYSTEM,
        action="cluster.measured",
        target_type="cluster",
        target_id=cluster.id,
        data={"name": cluster.name, **changed},
    )


def cluster_parsers_seen(*, cluster_id: str, isolation: str, ocr: str) -> None:
    """A document has been read there. Writes only what has changed."""
    seen = {"parser_isolation": isolation, "ocr": ocr}
    Cluster.objects.filter(pk=cluster_id).exclude(**seen).update(**seen)


def _machine() -> dict[str, int]:
    """Without the memory of the libraries that engines are forked with."""
    return {
        "cpus": settings.KOSHA_JOB_CORES or len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") - fork_server.MEMORY_BYTES,
    }


def _cut_waiting(cluster: Cluster) -> None:
    """A job that asked for more than the machine has now would wait for ever."""
    with every_organization("jobs of all organizations share the machine"):
        unfinished = Job.objects.filter(cluster=cluster, cleaned_at=None).exclude(state__in=TERMINAL)
        unfinished.filter(cpus__gt=cluster.cpus).update(cpus=cluster.cpus)
        for light in (0, 1):
            there = cluster.memory_share(light=bool(light))
            unfinished.filter(light=light, memory_bytes__gt=there).update(memory_bytes=there)


def cluster_get(name: str, *, param: str) -> Cluster:
    """By name or id. Raises InvalidRequest `unknown_cluster`, also for one that is not lent to the organization."""
    cluster = cluster_list().filter(Q(name=name) | Q(pk=name)).first()
    if cluster is None:
        raise InvalidRequest(
            "unknown_cluster",
            _("There is no such cluster for your organization. The page Settings lists those you may use."),
            param=param,
        )
    return cluster


def usable_cluster(cluster: Cluster | None) -> Cluster:
    """The named cluster if it is lent to the organization, or the default one."""
    if cluster is None:
        return cluster_default()
    if not cluster.is_shared and not ClusterGrant.objects.filter(cluster=cluster).exists():
        raise NotFound("cluster")
    if not cluster.is_active:
        raise Conflict(
            "cluster_inactive",
            _("The cluster takes no new jobs at the moment. Choose another."),
            param="kosha.cluster",
        )
    return cluster


def refuse_oversize(need: Need, cluster: Cluster) -> None:
    there_is = {
        "gpus": cluster.gpus,
        "cpus": cluster.cpus,
        "memory_bytes": cluster.memory_share(light=bool(need.light)),
    }
    for field, there in there_is.items():
        if (asked := getattr(need, field)) > there:
            raise InvalidRequest(
                "resources_exceed_cluster",
                _("The job asks for %(asked)s %(field)s; the cluster has %(there)s."),
                param=f"kosha.resources.{field}",
                values={"asked": asked, "field": field, "there": there},
            )


def refuse_crowding(processes: int, need: Need) -> None:
    """Each process has a GPU of its own, or a core where the job has no GPU."""
    places, unit = (need.gpus, "gpus") if need.gpus else (max(1, need.cpus), "cpus")
    if processes > places:
        raise InvalidRequest(
            "processes_exceed_resources",
            _(
                "%(processes)s processes need as many %(unit)s; the job gets %(places)s. Ask for fewer processes."
            ),
            param="distributed.processes",
            values={"processes": processes, "unit": unit, "places": places},
        )
