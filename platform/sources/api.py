"""/v1/sources: folders and buckets whose files are kept as documents."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of
from common.pagination import keyset_page, list_body
from common.wire import Body, PageQuery, unix
from common.wire import Query as Parameters
from jobs.services import job_cancel
from sources import services
from sources.models import Source, Sync
from sources.places import Place
from sources.selectors import documents_counted, newest_syncs, source_get, source_list, sync_get, sync_list

router = Router(tags=["Sources"])
LONGEST_MINUTES = 30 * 24 * 60


class SourceBody(Body):
    answered_as = "source"

    name: str = Field(min_length=1, max_length=100)
    """The first folder in the names of its documents."""
    place: Place
    secret_key: str = Field(default="", max_length=200)
    """Of a bucket. It is never shown again."""
    interval_minutes: int = Field(default=60, ge=0, le=LONGEST_MINUTES)
    """0: by hand only."""


class SourceChange(Body):
    place: Place | None = None
    secret_key: str | None = Field(default=None, max_length=200)
    interval_minutes: int | None = Field(default=None, ge=0, le=LONGEST_MINUTES)


class SyncBody(Body):
    removes_all: bool = False
    """Documents whose files are gone are deleted even if they are most of all: see `removals_waiting` of the source."""


class DeleteQuery(Parameters):
    documents: Literal["keep", "delete"] = "keep"


def sync_body(sync: Sync) -> dict[str, Any]:
    error = {"code": sync.error_code, "message": sync.error_message, "param": sync.error_param or None}
    return {
        "id": sync.id,
        "object": "source.sync",
        "created_at": unix(sync.created_at),
        "source": sync.source_id,
        "job": sync.job_id,
        "status": sync.shown_state,
        "ended_at": unix(sync.applied_at or sync.job.ended_at),
        "files": {
            "new": sync.new,
            "changed": sync.changed,
            "removed": sync.removed,
            "unchanged": sync.unchanged,
            "refused": sync.refused,
            "left": sync.left,
        },
        "warnings": sync.warnings,
        "error": error if sync.error_code else None,
    }


def source_body(source: Source) -> dict[str, Any]:
    newest = newest_syncs([source]).get(source.id)
    return {
        "id": source.id,
        "object": "source",
        "created_at": unix(source.created_at),
        "name": source.name,
        "place": {"kind": source.kind, **source.place},
        "has_secret_key": bool(source.secret),
        "interval_minutes": source.interval_minutes,
        "next_sync_at": unix(source.next_sync_at),
        "documents": documents_counted([source]).get(source.id, 0),
        "removals_waiting": source.removals_waiting,
        "last_sync": sync_body(newest) if newest else None,
    }


@router.post("/sources", summary="Create a source")
def source_create(request: HttpRequest, payload: SourceBody) -> dict[str, Any]:
    """Its first sync starts at once. A folder is one that the operator has allowed, by name."""
    source = services.source_create(
        name=payload.name,
        place=payload.place,
        secret=payload.secret_key,
        interval_minutes=payload.interval_minutes,
        actor=actor_of(request),
    )
    return source_body(source_get(source.id))


@router.get("/sources", summary="List sources")
def sources(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = keyset_page(source_list(), after=query.after, limit=query.limit, order=query.order)
    return list_body(page, source_body)


@router.get("/sources/{source_id}", summary="Retrieve a source")
def source_retrieve(request: HttpRequest, source_id: str) -> dict[str, Any]:
    return source_body(source_get(source_id))


@router.post("/sources/{source_id}", summary="Change a source")
def source_update(request: HttpRequest, source_id: str, payload: SourceChange) -> dict[str, Any]:
    services.source_update(
        source=source_get(source_id),
        place=payload.place,
        secret=payload.secret_key,
        interval_minutes=payload.interval_minutes,
        actor=actor_of(request),
    )
    return source_body(source_get(source_id))


@router.delete("/sources/{source_id}", summary="Delete a source")
def source_delete(request: HttpRequest, source_id: str, query: Query[DeleteQuery]) -> dict[str, Any]:
    """Its documents stay, or with `documents=delete` are deleted within moments."""
    services.source_delete(
        source=source_get(source_id),
        takes_documents_along=query.documents == "delete",
        actor=actor_of(request),
    )
    return {"id": source_id, "object": "source", "deleted": True}


@router.post("/sources/{source_id}/sync", summary="Synchronize a source now")
def source_sync(request: HttpRequest, source_id: str, payload: SyncBody | None = None) -> dict[str, Any]:
    sync = services.sync_start(
        source=source_get(source_id),
        actor=actor_of(request),
        removes_all=payload is not None and payload.removes_all,
    )
    return sync_body(sync)


@router.get("/sources/{source_id}/syncs", summary="List a source's syncs")
def syncs(request: HttpRequest, source_id: str, query: Query[PageQuery]) -> dict[str, Any]:
    rows = sync_list(source_get(source_id))
    return list_body(keyset_page(rows, after=query.after, limit=query.limit, order=query.order), sync_body)


@router.get("/sources/{source_id}/syncs/{sync_id}", summary="Retrieve a sync")
def sync_retrieve(request: HttpRequest, source_id: str, sync_id: str) -> dict[str, Any]:
    return sync_body(sync_get(sync_id, source=source_get(source_id)))


@router.post("/sources/{source_id}/syncs/{sync_id}/cancel", summary="Stop a sync")
def sync_cancel(request: HttpRequest, source_id: str, sync_id: str) -> dict[str, Any]:
    source = source_get(source_id)
    job_cancel(job=sync_get(sync_id, source=source).job, actor=actor_of(request))
    return sync_body(sync_get(sync_id, source=source))
