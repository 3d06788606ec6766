"""Reads: sources, their syncs, and what the operator allows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts.models import Organization
from common.errors import NotFound
from common.tenancy import current_organization_id
from jobs.produced import ProducedState
from sources.models import Source, SourceFile, Sync

SYNCS = "syncs"
"""The artefact kind under which what a sync has fetched lies until it is applied."""
KNOWN = "known"
"""And that of the file that tells a sync what was taken before."""


def source_list() -> QuerySet[Source]:
    return Source.objects.filter(deleted_at=None)


def source_get(id: str) -> Source:
    source = source_list().filter(pk=id).first()
    if source is None:
        raise NotFound
    return source


def sync_list(source: Source) -> QuerySet[Sync]:
    return source.syncs.select_related("job", "source").defer("job__spec")


def sync_get(id: str, *, source: Source) -> Sync:
    sync = sync_list(source).filter(pk=id).first()
    if sync is None:
        raise NotFound
    return sync


def newest_syncs(sources: Iterable[Source]) -> dict[str, Sync]:
    """By the source's id."""
    rows = Sync.objects.filter(source__in=sources).select_related("job").defer("job__spec")
    return {sync.source_id: sync for sync in rows.order_by("source_id", "-id").distinct("source_id")}


def documents_counted(sources: Iterable[Source]) -> dict[str, int]:
    """How many documents each has, by its id."""
    rows = SourceFile.objects.filter(source__in=sources, document__deleted_at=None, document__isnull=False)
    return dict(rows.order_by().values_list("source").annotate(count=Count("pk")))


def unfinished_sync(source: Source) -> Sync | None:
    """The one that runs, or whose changes are not all applied."""
    is_open = Q(state=ProducedState.BUILDING) | Q(state=ProducedState.READY, applied_at=None)
    return sync_list(source).filter(is_open).order_by("-id").first()


def allowed_folders() -> dict[str, Path]:
    """Those of the current organization, by the name that the operator gave each."""
    organization = Organization.objects.get(pk=current_organization_id())
    folders: dict[str, Path] = settings.KOSHA_WATCHED_FOLDERS.get(organization.slug, {})
    return folders
