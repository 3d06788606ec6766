"""Writes: uploads of the console, which go on where they stopped (tus 1.0, a chunk at a time).

A chunk is kept as a part, so a restart of the server loses at most the one that was on its way. The last chunk is not: it
becomes part of the document in one transaction, so that a complete upload without a document cannot exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import chain

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import Actor
from common.connections import release_connection
from common.digests import value_digest
from common.errors import Conflict, InvalidRequest
from common.storage import Incoming, SizeExceeded, file_chunks, receive
from documents.models import Upload, UploadState
from documents.selectors import upload_get
from documents.services import receive_file
from documents.uploads import (
    document_from,
    joined,
    locked_upload,
    part_store,
    pending_upload,
)

LIFETIME = timedelta(hours=24)
"""After the last chunk: somebody may go on the next morning."""
_WHOLE = value_digest("every chunk, in order")
"""What the upload was completed with; a client of `/v1/uploads` names parts instead."""


def upload_offset(upload: Upload) -> int:
    """How many bytes have arrived, and where the next chunk begins."""
    if upload.state == UploadState.COMPLETED:
        return upload.size
    held: int = upload.parts.aggregate(bytes=Sum("size"))["bytes"] or 0
    return held


def upload_append(*, upload_id: str, offset: int, chunks: Iterable[bytes], actor: Actor) -> Upload:
    """Keep the bytes from `offset` on; with the last ones the upload becomes a document.

    Raises Conflict `upload_offset_differs`, where another request has sent the same bytes, and InvalidRequest
    `upload_exceeded`. Nothing is kept then.
    """
    upload = pending_upload(upload_get(upload_id))
    _check_offset(upload, offset)
    release_connection()
    try:
        incoming = receive(upload.organization_id, chunks, maximum_bytes=upload.size - offset)
    except SizeExceeded as error:
        raise InvalidRequest(
            "upload_exceeded", _("The file is longer than announced."), param="file"
        ) from error
    with incoming:
        if offset + incoming.size == upload.size:
            return _complete(upload, offset, incoming, actor)
        return _keep(upload_id, offset, incoming, actor)


@transaction.atomic
def _keep(upload_id: str, offset: int, incoming: Incoming, actor: Actor) -> Upload:
    upload = locked_upload(upload_id)
    _check_offset(upload, offset)
    if incoming.size:
        part_store(upload, incoming, actor)
    upload.expires_at = timezone.now() + LIFETIME
    upload.save(update_fields=["expires_at"])
    return upload


def _complete(upload: Upload, offset: int, last: Incoming, actor: Actor) -> Upload:
    parts = list(upload.parts.order_by("id"))
    if sum(part.size for part in parts) != offset:
        raise _offset_differs()
    with receive_file(chain(joined(parts), file_chunks(last.path))) as whole:
        return document_from(upload.id, _WHOLE, whole, actor)


def _check_offset(upload: Upload, offset: int) -> None:
    if upload_offset(upload) != offset:
        raise _offset_differs()


def _offset_differs() -> Conflict:
    return Conflict(
        "upload_offset_differs", _("The upload has gone on meanwhile. Continue where it stands now.")
    )
