"""Removes what processes that died have left: half-received files, unfinished erasures, parts of ended uploads."""

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
    """May run at any time and repeatedly, also while documents are uploaded and deleted."""
    # Files whose receiver died. The bytes may be in their place already while the row is missing.
    for organization_id, path, sha256 in abandoned():
        with organization_scope(organization_id):
            blob_drop_unused(organization_id, sha256)
        path.unlink(missing_ok=True)
    _erasures_finish()
    _parts_sweep()


def _erasures_finish() -> None:
    """Deletions whose process died between the commit and the erasing."""
    with every_organization("deleted documents of every organization are erased"):
        waiting = list(
            Document.objects.filter(erased_at=None).exclude(deleted_at=None).order_by("id")[:BATCH]
        )
    for document in waiting:
        try:
            with organization_scope(document.organization_id):
                document_erase(document)
        except OSError as error:
            # The other documents are erased all the same.
            logger.error(
                "%s could not be erased yet: %s", document.id, error.strerror or type(error).__name__
            )


def _parts_sweep() -> None:
    """All parts of uploads that have ended, and of pending ones those whose row was never committed."""
    with every_organization("uploads of every organization expire"), transaction.atomic():
        expired_drop()
    for organization_id, upload_id in parts_folders():
        with organization_scope(organization_id), transaction.atomic():
            pending = Upload.objects.filter(pk=upload_id, state=UploadState.PENDING)
            if not pending.exists():
                parts_delete(organization_id, upload_id)
                continue
            # Adding a part locks the upload from before the file appears until the row is committed.
            upload = pending.select_for_update(no_key=True, skip_locked=True).first()
            if upload is not None:
                parts_keep_only(organization_id, upload_id, set(upload.parts.values_list("id", flat=True)))
