"""Writes: sources, and the start of their syncs. `sources/applying.py` makes documents of what a sync has found."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common import queue
from common.errors import Conflict, InvalidRequest, KoshaError
from common.locks import unique_or
from common.secrets import SecretUnreadable, decrypt, encrypt
from common.storage import artifact_delete, artifact_path
from common.tenancy import current_organization_id
from documents.services import clean_name
from jobs.services import job_cancel, job_submit
from sources.models import Source, SourceKind, Sync
from sources.places import FolderPlace, Place
from sources.selectors import KNOWN, allowed_folders, unfinished_sync
from workers.contract.media_types import TYPE_OF_ENDING
from workers.contract.specs.sync import SECRET_VARIABLE, BucketOrigin, FolderOrigin, KnownFile, SyncSpec

ADVANCE_TASK = "sources.advance"
BATCH_BYTES = 1 << 30
BATCH_FILES = 5000
KNOWN_FILE = "known.jsonl"


@transaction.atomic
def source_create(*, name: str, place: Place, secret: str, interval_minutes: int, actor: Actor) -> Source:
    """Its first sync starts at once. Raises InvalidRequest `invalid_file_name`, `folder_not_allowed`, `endpoint_not_allowed`;
    Conflict `name_taken`."""
    _check_place(place)
    source = Source(
        organization_id=current_organization_id(),
        name=_clean_source_name(name),
        kind=place.kind,
        place=place.model_dump(mode="json", exclude={"kind"}),
        interval_minutes=interval_minutes,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
    )
    source.secret = encrypt(secret, owner=source.id) if secret else ""
    with unique_or(Conflict("name_taken", _("Another source has this name."), param="name")):
        source.save(force_insert=True)
    _audit(source, actor, "source.created", {"name": source.name, "kind": source.kind})
    sync_start(source=source, actor=actor)
    return source


def _clean_source_name(name: str) -> str:
    """One folder of the names of its documents."""
    name = clean_name(name, param="name")
    if "/" in name or len(name) > 100:
        raise InvalidRequest(
            "invalid_file_name",
            _("Give the source a name of at most 100 characters without slashes."),
            param="name",
        )
    return name


def _check_place(place: Place) -> None:
    if isinstance(place, FolderPlace):
        if place.folder not in allowed_folders():
            raise InvalidRequest(
                "folder_not_allowed",
                _("Your operator has allowed no folder of this name (KOSHA_WATCHED_FOLDERS)."),
                param="folder",
            )
    elif settings.KOSHA_BUCKET_HOSTS is not None and place.host not in settings.KOSHA_BUCKET_HOSTS:
        raise InvalidRequest(
            "endpoint_not_allowed",
            _("Your operator has not allowed this host (KOSHA_BUCKET_HOSTS)."),
            param="endpoint",
        )


@transaction.atomic
def source_update(
    *,
    source: Source,
    place: Place | None = None,
    secret: str | None = None,
    interval_minutes: int | None = None,
    actor: Actor,
) -> Source:
    """`place` must be of the same kind. The name stays: it begins the names of the documents."""
    source = _lock(source)
    if place is not None:
        if place.kind != source.kind:
            raise InvalidRequest(
                "invalid_value",
                _("The kind of a source cannot be changed. Create another source."),
                param="kind",
            )
        _check_place(place)
        source.place = place.model_dump(mode="json", exclude={"kind"})
    if secret:
        source.secret = encrypt(secret, owner=source.id)
    if interval_minutes is not None:
        source.interval_minutes = interval_minutes
        source.next_sync_at = next_sync_at(source)
    source.save()
    _audit(source, actor, "source.updated", {"interval_minutes": source.interval_minutes})
    return source


@transaction.atomic
def source_delete(*, source: Source, takes_documents_along: bool, actor: Actor) -> None:
    """Nothing more is taken from it. Its documents stay, or are deleted by the next advance."""
    source = _lock(source)
    source.deleted_at = timezone.now()
    source.takes_documents_along = takes_documents_along
    source.secret, source.next_sync_at = "", None
    source.save()
    running = unfinished_sync(source)
    if running is not None:
        with suppress(Conflict):
            job_cancel(job=running.job, actor=actor)
    _audit(source, actor, "source.deleted", {"documents_deleted": takes_documents_along})
    queue.send(ADVANCE_TASK)


def _lock(source: Source) -> Source:
    """Raises Conflict where it was deleted meanwhile."""
    locked = Source.objects.select_for_update(no_key=True).get(pk=source.pk)
    if locked.deleted_at is not None:
        raise Conflict("source_deleted", _("This source was deleted."))
    return locked


def next_sync_at(source: Source) -> Any:
    """By the clock of the database; None for one that is synchronized by hand."""
    minutes = source.interval_minutes
    return Now() + timedelta(minutes=minutes) if minutes else None


@transaction.atomic
def sync_start(*, source: Source, actor: Actor, removes_all: bool = False) -> Sync:
    """Raises Conflict `sync_in_progress`."""
    source = _lock(source)
    if unfinished_sync(source) is not None:
        raise Conflict(
            "sync_in_progress", _("A sync of this source is in progress. Wait until it ends, or stop it.")
        )
    sync = Sync(organization_id=source.organization_id, source=source, removes_all=removes_all)
    spec = SyncSpec(
        source_id=source.id,
        sync_id=sync.id,
        origin=_origin(source),
        known=artifact_path(source.organization_id, KNOWN, sync.id) / KNOWN_FILE,
        endings=tuple(TYPE_OF_ENDING),
        max_file_bytes=settings.KOSHA_MAX_UPLOAD_BYTES,
        max_bytes=BATCH_BYTES,
        max_files=BATCH_FILES,
    )
    _write_known(source, spec)
    sync.job = job_submit(spec=spec, actor=actor)
    sync.save(force_insert=True)
    source.next_sync_at = next_sync_at(source)
    source.save(update_fields=["next_sync_at"])
    _audit(source, actor, "source.sync_started", {"sync": sync.id, "removes_all": removes_all})
    return sync


def _origin(source: Source) -> FolderOrigin | BucketOrigin:
    if source.kind == SourceKind.FOLDER:
        path = allowed_folders().get(source.place["folder"])
        if path is None:
            raise InvalidRequest(
                "folder_not_allowed",
                _("Your operator does not allow this folder any more (KOSHA_WATCHED_FOLDERS)."),
                param="folder",
            )
        return FolderOrigin(path=path)
    return BucketOrigin(**source.place, allowed_hosts=settings.KOSHA_BUCKET_HOSTS)


def _write_known(source: Source, spec: SyncSpec) -> None:
    spec.known.parent.mkdir(parents=True, exist_ok=True)
    with open(spec.known, "wb") as lines:
        for name, mark, sha256 in source.files.values_list("name", "mark", "sha256").iterator(2000):
            lines.write(KnownFile(name=name, mark=mark, sha256=sha256).model_dump_json().encode() + b"\n")


def sync_secrets(spec: Mapping[str, Any]) -> dict[str, str]:
    """The secret key for the engine's environment; without it the engine says that it has to be entered again."""
    source = Source.objects.filter(pk=spec.get("source_id")).first()
    if source is None or not source.secret:
        return {}
    try:
        return {SECRET_VARIABLE: decrypt(source.secret, owner=source.id)}
    except SecretUnreadable:
        return {}


def sync_ended(sync: Sync) -> None:
    """Called when its job has ended."""
    artifact_delete(sync.organization_id, KNOWN, sync.id)
    queue.send(ADVANCE_TASK)


def sync_is_wanted(sync: Sync) -> bool:
    """Locks the source, so that its deletion waits."""
    source = Source.objects.select_for_update(no_key=True).get(pk=sync.source_id)
    return source.deleted_at is None


def start_if_due(source_id: str) -> None:
    """One whose sync is in progress is asked again after another interval."""
    with transaction.atomic():
        source = (
            Source.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(pk=source_id, deleted_at=None, next_sync_at__lte=Now())
            .first()
        )
        if source is None:
            return
        source.next_sync_at = next_sync_at(source)
        source.save(update_fields=["next_sync_at"])
    with suppress(KoshaError):
        sync_start(source=source, actor=source.actor)


def _audit(source: Source, actor: Actor, action: str, data: dict[str, Any]) -> None:
    audit_record(
        organization_id=source.organization_id,
        actor=actor,
        action=action,
        target_type="source",
        target_id=source.id,
        data=data,
    )
