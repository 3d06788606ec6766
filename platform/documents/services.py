"""Writes: documents, revisions and uploads in parts; what follows when a revision has been read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import PurePosixPath

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common.errors import Conflict, InvalidRequest, NotFound, TooLarge
from common.storage import (
    Blob,
    SizeExceeded,
    artifact_adopt,
    artifact_delete,
    blob_delete,
    blob_path,
    blob_write,
    run_path,
)
from common.tenancy import current_organization_id
from documents.models import Document, Purpose, Revision, RevisionState, Upload, UploadPart, UploadState
from documents.selectors import PAGES, document_get, upload_get
from jobs.models import Job
from jobs.services import job_cancel, job_submit
from jobs.transitions import JobState
from workers.specs.ingest import IngestResult, IngestSpec

UPLOAD_LIFETIME = timedelta(hours=1)
MAXIMUM_PART_BYTES = 64 * 1024 * 1024
COPY_BYTES = 1024 * 1024


def document_upload(
    *, name: str, purpose: str, chunks: Iterable[bytes], media_type: str, actor: Actor
) -> Document:
    """Keep the bytes, make a (new revision of a) document, and queue its reading.

    The same bytes under the same name again change nothing. Raises InvalidRequest `empty_file`,
    `invalid_file_name`, `unsupported_purpose`; TooLarge `file_too_large`.
    """
    name = clean_name(name)
    check_purpose(purpose)
    organization_id = current_organization_id()
    try:
        blob = blob_write(organization_id, chunks, maximum_bytes=settings.KOSHA_MAX_UPLOAD_BYTES)
    except SizeExceeded as error:
        raise file_too_large() from error
    try:
        if blob.size == 0:
            raise InvalidRequest("empty_file", _("The file is empty. Choose the file again."), param="file")
        return _revision_add(name=name, purpose=purpose, blob=blob, media_type=media_type, actor=actor)
    except BaseException:
        _blob_drop_unused(organization_id, blob.sha256)
        raise


def clean_name(name: str) -> str:
    """The last part of a path, in composed characters, without control characters."""
    name = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name.strip()
    if not name or len(name) > 255 or any(unicodedata.category(c) == "Cc" for c in name):
        raise InvalidRequest(
            "invalid_file_name", _("Give the file a name of 1 to 255 printable characters."), param="file"
        )
    return name


def check_purpose(purpose: str) -> None:
    if purpose not in Purpose.values:
        raise InvalidRequest(
            "unsupported_purpose",
            _("purpose must be one of: %(purposes)s.") % {"purposes": ", ".join(Purpose.values)},
            param="purpose",
        )


def file_too_large() -> TooLarge:
    megabytes = settings.KOSHA_MAX_UPLOAD_BYTES // 1024**2
    return TooLarge(
        "file_too_large",
        _("The file is larger than %(limit)d MB. Split it, or ask the operator to raise the limit.")
        % {"limit": megabytes},
        param="file",
    )


@transaction.atomic
def _revision_add(*, name: str, purpose: str, blob: Blob, media_type: str, actor: Actor) -> Document:
    document, created = Document.objects.select_for_update().get_or_create(
        organization_id=current_organization_id(), name=name, purpose=purpose, deleted_at=None
    )
    previous: Revision | None = None if created else document.current_revision
    if previous is not None and previous.sha256 == blob.sha256 and previous.state != RevisionState.FAILED:
        return document_get(document.id)
    revision = Revision.objects.create(
        document=document,
        number=previous.number + 1 if previous else 1,
        sha256=blob.sha256,
        size=blob.size,
        declared_media_type=media_type[:200],
    )
    revision.job = _ingest_submit(document, revision, actor)
    revision.save(update_fields=["job"])
    document.current_revision = revision
    document.save(update_fields=["current_revision"])
    audit_record(
        organization_id=document.organization_id,
        actor=actor,
        action="document.uploaded",
        target_type="document",
        target_id=document.id,
        data={"revision": revision.id, "sha256": blob.sha256, "size": blob.size},
    )
    return document_get(document.id)


def _ingest_submit(document: Document, revision: Revision, actor: Actor) -> Job:
    spec = IngestSpec(
        document_id=document.id,
        revision_id=revision.id,
        name=document.name,
        path=blob_path(document.organization_id, revision.sha256),
        media_type=revision.declared_media_type or None,
        max_bytes=settings.KOSHA_MAX_UPLOAD_BYTES,
    )
    return job_submit(kind="ingest", spec=spec, actor=actor)


def ingest_finalize(job: Job) -> None:
    """Take over what the ingest engine read, or why it could not."""
    revision = Revision.objects.select_related("document").filter(job=job).first()
    if revision is None or revision.state != RevisionState.UPLOADED:
        return
    if revision.document.deleted_at is not None:
        return
    if job.state == JobState.SUCCEEDED:
        _take_over(revision, job)
    else:
        revision.state = RevisionState.FAILED
        revision.error_code = job.error_code or "ingest.user.cancelled"
        revision.error_message = job.error_message or _(
            "Reading was cancelled. Upload the file again to retry."
        )
        revision.error_param = job.error_param or ""
    revision.save()


def _take_over(revision: Revision, job: Job) -> None:
    result = IngestResult.model_validate(job.result)
    artifact_adopt(run_path(job.id, job.fence) / "output", revision.organization_id, PAGES, revision.id)
    revision.state = RevisionState.PROCESSED
    revision.media_type = result.media_type
    revision.title = (result.title or "")[:500]
    revision.pages = result.pages
    revision.characters = result.characters
    revision.records = result.records
    revision.warnings = list(result.warnings)
    revision.manifest_sha256 = result.manifest_sha256


@transaction.atomic
def document_delete(*, document_id: str, actor: Actor) -> None:
    """Remove a document: its bytes and its text are erased; what was made from it stays traceable."""
    document = document_get(document_id)
    document.deleted_at = timezone.now()
    document.save(update_fields=["deleted_at"])
    revisions = list(document.revisions.select_related("job"))
    for revision in revisions:
        if revision.state == RevisionState.UPLOADED and revision.job is not None:
            job_cancel(job=revision.job, actor=actor)
    audit_record(
        organization_id=document.organization_id,
        actor=actor,
        action="document.deleted",
        target_type="document",
        target_id=document.id,
        data={"revisions": [revision.id for revision in revisions]},
    )
    transaction.on_commit(lambda: _erase(revisions))


def _erase(revisions: list[Revision]) -> None:
    for revision in revisions:
        artifact_delete(revision.organization_id, PAGES, revision.id)
        _blob_drop_unused(revision.organization_id, revision.sha256)


def _blob_drop_unused(organization_id: str, sha256: str) -> None:
    """Erase a blob that no live document refers to."""
    if not Revision.objects.filter(sha256=sha256, document__deleted_at=None).exists():
        blob_delete(organization_id, sha256)


# -- uploads in parts -----------------------------------------------------------------------
@transaction.atomic
def upload_create(*, name: str, purpose: str, size: int, media_type: str, actor: Actor) -> Upload:
    check_purpose(purpose)
    if size < 1:
        raise InvalidRequest("empty_file", _("The file is empty. Choose the file again."), param="bytes")
    if size > settings.KOSHA_MAX_UPLOAD_BYTES:
        raise file_too_large()
    upload = Upload.objects.create(
        name=clean_name(name),
        purpose=purpose,
        size=size,
        media_type=media_type,
        expires_at=timezone.now() + UPLOAD_LIFETIME,
    )
    audit_record(
        organization_id=upload.organization_id,
        actor=actor,
        action="upload.created",
        target_type="upload",
        target_id=upload.id,
        data={"size": size},
    )
    return upload


def upload_part_add(*, upload_id: str, chunks: Iterable[bytes]) -> UploadPart:
    """Keep one part. Parts may come in any order and at once; completing names their order."""
    upload = _pending(upload_get(upload_id))
    try:
        blob = blob_write(upload.organization_id, chunks, maximum_bytes=MAXIMUM_PART_BYTES)
    except SizeExceeded as error:
        raise TooLarge("part_too_large", _("A part may hold at most 64 MB."), param="data") from error
    if blob.size == 0:
        raise InvalidRequest("empty_part", _("The part is empty."), param="data")
    return UploadPart.objects.create(upload=upload, sha256=blob.sha256, size=blob.size)


def upload_complete(*, upload_id: str, part_ids: list[str], actor: Actor) -> Upload:
    """Join the parts in the given order into a document. Completing twice gives the same answer."""
    upload = upload_get(upload_id)
    if upload.state == UploadState.COMPLETED:
        return upload
    parts = _parts_in_order(_pending(upload), part_ids)
    document = document_upload(
        name=upload.name,
        purpose=upload.purpose,
        chunks=_joined(parts),
        media_type=upload.media_type,
        actor=actor,
    )
    with transaction.atomic():
        completed = Upload.objects.filter(pk=upload.pk, state=UploadState.PENDING).update(
            state=UploadState.COMPLETED, document=document
        )
        if completed:
            audit_record(
                organization_id=upload.organization_id,
                actor=actor,
                action="upload.completed",
                target_type="upload",
                target_id=upload.id,
                data={"document": document.id},
            )
    _parts_drop(upload)
    return upload_get(upload_id)


@transaction.atomic
def upload_cancel(*, upload_id: str, actor: Actor) -> Upload:
    upload = _pending(upload_get(upload_id))
    upload.state = UploadState.CANCELLED
    upload.save(update_fields=["state"])
    audit_record(
        organization_id=upload.organization_id,
        actor=actor,
        action="upload.cancelled",
        target_type="upload",
        target_id=upload.id,
    )
    transaction.on_commit(lambda: _parts_drop(upload))
    return upload


def _pending(upload: Upload) -> Upload:
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


def _joined(parts: list[UploadPart]) -> Iterator[bytes]:
    for part in parts:
        with open(blob_path(part.organization_id, part.sha256), "rb") as file:
            while chunk := file.read(COPY_BYTES):
                yield chunk


def _parts_drop(upload: Upload) -> None:
    for part in upload.parts.all():
        still_used = UploadPart.objects.filter(sha256=part.sha256, upload__state=UploadState.PENDING).exclude(
            upload=upload
        )
        if not still_used.exists():
            _blob_drop_unused(part.organization_id, part.sha256)
    upload.parts.all().delete()
