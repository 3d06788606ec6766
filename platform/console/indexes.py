"""Which index builds answer under which alias, and which of these answers know less than their knowledge base."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F

from releases.models import Deployment, Release, ReleaseState
from retrieval.models import IndexBuild, KnowledgeBase


def with_deployments(builds: Iterable[IndexBuild]) -> list[tuple[IndexBuild, list[Deployment]]]:
    """Each build with the deployments that answer from it now."""
    listed = list(builds)
    found: defaultdict[str | None, list[Deployment]] = defaultdict(list)
    rows = Deployment.objects.filter(is_in_service=True, release__index_build__in=listed)
    for deployment in rows.select_related("release").order_by("alias"):
        found[deployment.release.index_build_id].append(deployment)
    return [(build, found[build.id]) for build in listed]


@dataclass(frozen=True)
class OutdatedIndex:
    """A published release answers from a build that does not hold what the newest one holds."""

    deployment: Deployment
    newest: IndexBuild
    waiting: Release | None
    """A release with the newest build that waits for approval or publication."""


def outdated_indexes(knowledge_base: KnowledgeBase | None = None) -> list[OutdatedIndex]:
    """Of one knowledge base, or of all that are not deleted, by alias."""
    rows = (
        Deployment.objects.filter(is_in_service=True, release__index_build__knowledge_base__deleted_at=None)
        .exclude(release__index_build=F("release__index_build__knowledge_base__current_build"))
        .select_related(
            "release__base_model",
            "release__model_version",
            "release__index_build__knowledge_base__current_build__knowledge_base",
        )
        .order_by("alias")
    )
    if knowledge_base is not None:
        rows = rows.filter(release__index_build__knowledge_base=knowledge_base)
    found = []
    for deployment in rows:
        served = deployment.release.index_build
        newest = served.knowledge_base.current_build if served else None
        if served is None or newest is None or not _differ(served, newest):
            continue
        waiting: Release | None = (
            Release.objects.filter(
                index_build=newest, state__in=[ReleaseState.CANDIDATE, ReleaseState.APPROVED]
            )
            .filter(number__gt=deployment.release.number)
            .order_by("-number")
            .first()
        )
        found.append(OutdatedIndex(deployment, newest, waiting))
    return found


def _differ(one: IndexBuild, other: IndexBuild) -> bool:
    """A build that was only made again holds the same revisions."""
    return any(
        left.revisions.exclude(pk__in=right.revisions.values("pk")).exists()
        for left, right in ((one, other), (other, one))
    )
