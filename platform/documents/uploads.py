"""Writes: files that arrive in parts and become a document when they are completed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common.connections import release_connection
from common.digests import value_digest
from common.disk import refuse_without_room
from common.errors import Conflict, InvalidRequest, NotFound, TooLarge
from common.ids import new_id
from common.storage import Incoming, SizeExceeded, file_chunks, part_keep, part_path, parts_delete, receive
from documents.models import Upload, UploadPart, UploadState
from documents.selectors import upload_get
from documents.services import check_purpose, clean_name, file_too_large, receive_file, revision_add

LIFETIME = timedelta(hours=1)
MAXIMUM_PART_BYTES = 64 * 1024 * 1024
REPEATS = 2
"""Parts may be sent again after a broken connection: all parts together hold at most this many times the announced
bytes."""


class PartDamaged(InvalidRequest):
    """The part on the disk is not what was received. No document is made from it."""

    def __init__(self, position: int) -> None:
        super().__init__(
            "part_damaged",
            _("This part was damaged after it arrived. Upload the part again and complete with the new one."),
            param=f"part_ids.{position}",
        )


@transaction.atomic
def upload_create(
    *, name: str, purpose: str, size: int, media_type: str, actor: Actor, lifetime: timedelta = LIFETIME
) -> Upload:
    check_purpose(purpose)
    if size < 1:
        raise InvalidRequest("empty_file", _("The file is empty. Choose another file."), param="bytes")
    if size > settings.KOSHA_MAX_UPLOAD_BYTES:
        raise file_too_large(param="bytes")
    # The parts, and the document they are joined to.
    refuse_without_room(2 * size, param="bytes")
    upload = Upload.objects.create(
        name=clean_name(name, param="filename"),
        purpose=purpose,
        size=size,
        media_type=media_type,
        expires_at=timezone.now() + lifetime,
    )
    _audit(upload, actor, "upload.created", {"size": size})
    return upload


def upload_part_add(*, upload_id: str, chunks: Iterable[bytes], actor: Actor) -> UploadPart:
    """Keep one part. Parts may come in any order and at once; completing names their order."""
    upload = pending_upload(upload_get(upload_id))
    release_connection()
    try:
        incoming = receive(upload.organization_id, chunks, maximum_bytes=MAXIMUM_PART_BYTES)
    except SizeExceeded as error:
        raise TooLarge("part_too_large", _("A part may hold at most 64 MB."), param="data") from error
    try:
        if incoming.size == 0:
            raise InvalidRequest("empty_part", _("The part is empty."), param="data")
        with transaction.atomic():
            upload = locked_upload(upload_id)
            _refuse_excess(upload, incoming.size)
            return part_store(upload, incoming, actor)
    finally:
        incoming.discard()


@transaction.atomic
def part_store(upload: Upload, incoming: Incoming, actor: Actor) -> UploadPart:
    """Call it in a transaction that has locked the upload."""
    part = UploadPart(
        id=new_id("part_"),
        organization_id=upload.organization_id,
        upload=upload,
        sha256=incoming.sha256,
        size=incoming.size,
    )
    part_keep(upload.organization_id, upload.id, part.id, incoming)
    part.save(force_insert=True)
    _audit(upload, actor, "upload.part_added", {"part": part.id, "size": part.size})
    return part


def _refuse_excess(upload: Upload, size: int) -> None:
    held = upload.parts.aggregate(bytes=Sum("size"))["bytes"] or 0
    if held + size > REPEATS * upload.size:
        raise TooLarge(
            "upload_exceeded",
            _("The parts hold more than the %(size)d bytes that were announced. Create a new upload.")
            % {"size": upload.size},
            param="data",
        )


def upload_complete(*, upload_id: str, part_ids: list[str], md5: str | None = None, actor: Actor) -> Upload:
    """Join the parts in the given order into a document. The same request twice gives the same answer.

    They are joined before the upload is locked: that may take long, and parts never change. Of two
    that complete at once the second finds the upload completed, and what it joined is discarded.
    """
    request = value_digest([part_ids, (md5 or "").lower()])
    upload = upload_get(upload_id)
    if upload.state == UploadState.COMPLETED:
        return _completed(upload, request)
    pending_upload(upload)
    try:
        incoming = receive_file(_with_md5(joined(_parts_in_order(upload, part_ids)), md5))
    except (NotFound, PartDamaged):
        # Another request may have completed or cancelled the upload meanwhile, which removes its parts.
        upload = upload_get(upload_id)
        if upload.state == UploadState.COMPLETED:
            return _completed(upload, request)
        pending_upload(upload)
        raise
    with incoming:
        return document_from(upload_id, request, incoming, actor)


def _completed(upload: Upload, request: str) -> Upload:
    """The answer to a repeated request, and to no other one: the file is not what that one describes."""
    if upload.completed_as != request:
        raise Conflict(
            "upload_completed_differently",
            _("This upload was completed with other parts or another MD5. Create a new upload for them."),
            param="part_ids",
        )
    return upload


@transaction.atomic
def document_from(upload_id: str, request: str, incoming: Incoming, actor: Actor) -> Upload:
    """Complete the upload with all its bytes. `request` is the digest of what asked for it."""
    upload = Upload.objects.select_for_update(no_key=True).get(pk=upload_id)
    if upload.state == UploadState.COMPLETED:
        return _completed(upload_get(upload_id), request)
    upload.document = revision_add(
        name=pending_upload(upload).name,
        purpose=upload.purpose,
        incoming=incoming,
        media_type=upload.media_type,
        actor=actor,
    )
    upload.state, upload.completed_as = UploadState.COMPLETED, request
    upload.save(update_fields=["state", "document", "completed_as"])
    _audit(upload, actor, "upload.completed", {"document": upload.document.id})
    _parts_drop(upload)
    return upload


@transaction.atomic
def upload_cancel(*, upload_id: str, actor: Actor) -> Upload:
    upload = locked_upload(upload_id)
    upload.state = UploadState.CANCELLED
    upload.save(update_fields=["state"])
    _audit(upload, actor, "upload.cancelled", {})
    _parts_drop(upload)
    return upload


def locked_upload(upload_id: str) -> Upload:
    upload: Upload | None = Upload.objects.select_for_update(no_key=True).filter(pk=upload_id).first()
    if upload is None:
        raise NotFound
    return pending_upload(upload)


def pending_upload(upload: Upload) -> Upload:
    if upload.state != UploadState.PENDING:
        raise Conflict("upload_not_pending", _("This upload is completed or cancelled. Create a new one."))
    if upload.expires_at <= timezone.now():
        raise Conflict("upload_expired", _("This upload has expired. Create a new one."))
    return upload


def _parts_in_order(upload: Upload, part_ids: list[str]) -> list[UploadPart]:
    parts = {part.id: part for part in upload.parts.all()}
    for position, id in enumerate(part_ids):
        if id not in parts:
            raise NotFound(param=f"part_ids.{position}")
        if id in part_ids[:position]:
            message = _(
                "This part is named twice. Name each part once, in the order in which they are joined."
            )
            raise InvalidRequest("part_repeated", message, param=f"part_ids.{position}")
    ordered = [parts[id] for id in part_ids]
    total = sum(part.size for part in ordered)
    if total != upload.size:
        raise InvalidRequest(
            "upload_size_mismatch",
            _("The parts hold %(total)d bytes, but the upload announced %(size)d.")
            % {"total": total, "size": upload.size},
            param="part_ids",
        )
    return ordered


def joined(parts: list[UploadPart]) -> Iterator[bytes]:
    for position, part in enumerate(parts):
        digest = hashlib.sha256()
        try:
            for chunk in file_chunks(part_path(part.organization_id, part.upload_id, part.id)):
                digest.update(chunk)
                yield chunk
        except OSError as error:
            raise PartDamaged(position) from error
        if digest.hexdigest() != part.sha256:
            raise PartDamaged(position)


def _with_md5(chunks: Iterable[bytes], expected: str | None) -> Iterator[bytes]:
    """`chunks`, and after the last one InvalidRequest if their MD5 is not the one that the caller expects."""
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if expected is not None and digest.hexdigest() != expected.lower():
        raise InvalidRequest(
            "md5_mismatch",
            _("The parts do not have the MD5 that was given. Upload the damaged part again."),
            param="md5",
        )


def expired_drop() -> None:
    """Expire a few unfinished uploads, by the clock of the database: a worker's clock may be wrong."""
    expired = Upload.objects.filter(state=UploadState.PENDING, expires_at__lte=Now())
    for upload in expired.select_for_update(skip_locked=True).order_by("id")[:20]:
        upload.state = UploadState.EXPIRED
        upload.save(update_fields=["state"])
        _parts_drop(upload)


def _parts_drop(upload: Upload) -> None:
    upload.parts.all().delete()
    transaction.on_commit(lambda: parts_delete(upload.organization_id, upload.id))


def _audit(upload: Upload, actor: Actor, action: str, data: dict[str, object]) -> None:
    audit_record(
        organization_id=upload.organization_id,
        actor=actor,
        action=action,
        target_type="upload",
        target_id=upload.id,
        data=data,
    )
