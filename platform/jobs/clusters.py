"""Which cluster a job goes to: the default one, and the limits of the others."""

from __future__ import annotations

import os

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import SYSTEM, audit_record
from common.errors import Conflict, InvalidRequest, NotFound
from jobs.kinds import Need
from jobs.models import Cluster, ClusterGrant, LauncherName


def cluster_default() -> Cluster:
    """The machine itself, open to everyone; made when first needed."""
    cluster, created = Cluster.objects.get_or_create(
        name="local",
        defaults={
            "launcher": LauncherName.LOCAL,
            "cpus": settings.KOSHA_JOB_CORES or len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "is_shared": True,
        },
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


def usable_cluster(cluster: Cluster | None) -> Cluster:
    """The named cluster if it is lent to the organization, or the default one."""
    if cluster is None:
        return cluster_default()
    if not cluster.is_shared and not ClusterGrant.objects.filter(cluster=cluster).exists():
        raise NotFound("cluster")
    if not cluster.is_active:
        raise Conflict("cluster_inactive", _("The cluster takes no new jobs at the moment. Choose another."))
    return cluster


def refuse_oversize(need: Need, cluster: Cluster) -> None:
    for field in ("cpus", "gpus", "memory_bytes"):
        asked, there = getattr(need, field), getattr(cluster, field)
        if asked > there:
            raise InvalidRequest(
                "resources_exceed_cluster",
                _("The job asks for %(asked)s %(field)s; the cluster has %(there)s.")
                % {"asked": asked, "field": field, "there": there},
                param=field,
            )
