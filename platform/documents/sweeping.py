"""Clean up behind processes that died: everything here is what nobody is at work on any more."""

from __future__ import annotations

import logging

from django.db import transaction

from common.storage import abandoned, parts_delete, parts_folders, parts_keep_only
from common.tenancy import every_organization, organization_scope
from documents.models import Document, Upload, UploadState
from documents.services import blob_drop_unused, document_erase
from documents.uploads import expired_drop

logger = logging.getLogger(__name__)

BATCH = 100


def documents_sweep() -> None:
    """Repeatable, and harmless beside uploads and deletions that are under way."""
    _incoming_sweep()
    _erasures_finish()
    _parts_sweep()


def _incoming_sweep() -> None:
    """Streams whose receiver died: perhaps after the bytes were in their place, before the row was."""
    for organization_id, path, sha256 in abandoned():
        with organization_scope(organization_id):
            blob_drop_unused(organization_id, sha256)
        path.unlink(missing_ok=True)


def _erasures_finish() -> None:
    """Deletions whose process died between the commit and the erasing."""
    with every_organization("what was deleted is erased, whosesoever it was"):
        waiting = list(
            Document.objects.filter(erased_at=None).exclude(deleted_at=None).order_by("id")[:BATCH]
        )
    for document in waiting:
        with organization_scope(document.organization_id):
            _erase_safely(document)


def _erase_safely(document: Document) -> None:
    """A file that the disk does not let go holds up no other's erasure."""
    try:
        document_erase(document)
    except OSError as error:
        logger.error("%s could not be erased yet: %s", document.id, error.strerror or type(error).__name__)


def _parts_sweep() -> None:
    with every_organization("uploads expire, whosesoever they are"), transaction.atomic():
        expired_drop()
    for organization_id, upload_id in parts_folders():
        with organization_scope(organization_id), transaction.atomic():
            _parts_of_one_sweep(organization_id, upload_id)


def _parts_of_one_sweep(organization_id: str, upload_id: str) -> None:
    """Parts of an upload that has ended; of one that has not, those whose row was never committed."""
    if not Upload.objects.filter(pk=upload_id, state=UploadState.PENDING).exists():
        parts_delete(organization_id, upload_id)
        return
    # Whoever adds a part holds the upload from before its file appears until its row is there.
    rows = Upload.objects.select_for_update(no_key=True, skip_locked=True)
    upload = rows.filter(pk=upload_id, state=UploadState.PENDING).first()
    if upload is not None:
        parts_keep_only(organization_id, upload_id, set(upload.parts.values_list("id", flat=True)))
