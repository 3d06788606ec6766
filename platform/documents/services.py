"""Writes: documents and their revisions. `documents/reading.py` has them read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common import queue
from common.connections import release_connection
from common.errors import Conflict, InvalidRequest, NotFound, TooLarge
from common.locks import transaction_lock
from common.storage import (
    Incoming,
    SizeExceeded,
    artifact_delete,
    blob_delete,
    blob_keep,
    receive,
)
from common.tenancy import current_organization_id
from documents import deletion
from documents.models import Document, Purpose, Revision, RevisionState
from documents.pictures import pictures_erase
from documents.reading import UNPACK_TASK, waiting_drop
from documents.selectors import PAGES, document_get, kept_originals, pages_folder
from jobs.services import job_cancel

LONGEST_NAME, LONGEST_PATH = 255, 500
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def document_upload(
    *, name: str, purpose: str, chunks: Iterable[bytes], media_type: str, actor: Actor
) -> Document:
    """Store the bytes, make a (new revision of a) document, to be read soon.

    The same bytes under the same name again change nothing. Raises InvalidRequest `empty_file`,
    `invalid_file_name`, `unsupported_purpose`; TooLarge `file_too_large`.
    """
    name = clean_name(name)
    check_purpose(purpose)
    with receive_file(chunks) as incoming:
        return revision_add(name=name, purpose=purpose, incoming=incoming, media_type=media_type, actor=actor)


def receive_file(chunks: Iterable[bytes]) -> Incoming:
    """Write the bytes to the disk. The caller stores or discards them, by a `with` around its transaction."""
    # A large file takes a while to write; the database connection is free meanwhile.
    release_connection()
    try:
        incoming = receive(current_organization_id(), chunks, maximum_bytes=settings.KOSHA_MAX_UPLOAD_BYTES)
    except SizeExceeded as error:
        raise file_too_large() from error
    if incoming.size == 0:
        incoming.discard()
        raise InvalidRequest("empty_file", _("The file is empty. Choose another file."), param="file")
    return incoming


def clean_name(name: str, *, param: str = "file") -> str:
    """The name with the folders that the client gave, as `総務/規程.txt`, in composed characters.

    A name is refused rather than cut: files of two folders, or of two long names, are two documents.
    """
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    if re.fullmatch("[A-Za-z]:", parts[0]):
        parts = parts[1:]
    parts = [part.strip() for part in parts if part.strip() not in ("", ".")]
    name = "/".join(parts)
    # Control characters, lone surrogates, and marks that turn the writing direction and disguise a name.
    unprintable = [c for c in name if unicodedata.category(c) in ("Cc", "Cs") or c in BIDI_CONTROLS]
    is_too_long = len(name) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in parts)
    if not parts or ".." in parts or is_too_long or unprintable:
        raise InvalidRequest(
            "invalid_file_name",
            _(
                "Give the file a name of 1 to 255 printable characters, with its folders at most 500, "
                "and without “..” as a folder."
            ),
            param=param,
        )
    return name


def check_purpose(purpose: str) -> None:
    if purpose not in Purpose.values:
        raise InvalidRequest(
            "unsupported_purpose",
            _("purpose must be one of: %(purposes)s.") % {"purposes": ", ".join(Purpose.values)},
            param="purpose",
        )


def file_too_large(param: str = "file") -> TooLarge:
    megabytes = settings.KOSHA_MAX_UPLOAD_BYTES // 1024**2
    return TooLarge(
        "file_too_large",
        _("The file is larger than %(limit)d MB. Split it, or ask the operator to raise the limit.")
        % {"limit": megabytes},
        param=param,
    )


@transaction.atomic
def revision_add(
    *,
    name: str,
    purpose: str,
    incoming: Incoming,
    media_type: str,
    actor: Actor,
    archive: Document | None = None,
    is_own: Callable[[Document], bool] = lambda document: True,
) -> Document:
    """Make what was received a (new revision of a) document of a clean name, to be read soon.

    Raises Conflict `name_taken` where the name belongs to a document that is not the caller's own.
    """
    organization_id = current_organization_id()
    document, created = Document.objects.select_for_update(no_key=True).get_or_create(
        organization_id=organization_id,
        name=name,
        purpose=purpose,
        deleted_at=None,
        defaults={"archive": archive},
    )
    if not created and not is_own(document):
        raise Conflict("name_taken", _("Another document has this name."))
    previous: Revision | None = None if created else document.current_revision
    # The same bytes are read again only if reading them failed, or if documents of an archive may be missing.
    is_done = previous and previous.state != RevisionState.FAILED and not previous.is_archive
    if previous and is_done and previous.sha256 == incoming.sha256:
        unchanged = document_get(document.id)
        unchanged.is_unchanged = True
        return unchanged
    revision = Revision(
        organization_id=organization_id,
        document=document,
        number=previous.number + 1 if previous else 1,
        sha256=incoming.sha256,
        size=incoming.size,
        declared_media_type=media_type[:200],
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
    )
    revision.save(force_insert=True)
    document.current_revision = revision
    document.save(update_fields=["current_revision"])
    audit_record(
        organization_id=organization_id,
        actor=actor,
        action="document.uploaded",
        target_type="document",
        target_id=document.id,
        data={"revision": revision.id, "sha256": revision.sha256, "size": revision.size},
    )
    _blob_lock(organization_id, revision.sha256)
    blob_keep(organization_id, incoming)
    queue.wake("jobs.dispatch")
    return document


@transaction.atomic
def revision_read_again(*, revision: Revision, actor: Actor) -> None:
    """Have the same bytes read anew, for a revision whose text or files were lost. What was read is erased first."""
    artifact_delete(revision.organization_id, PAGES, revision.id)
    revision.actor_kind, revision.actor_id, revision.actor_label = actor.kind, actor.id, actor.label
    revision.job, revision.is_alone = None, False
    revision.state, revision.result, revision.manifest_sha256 = RevisionState.UPLOADED, {}, ""
    revision.files = revision.unpacked_at = None
    revision.save()
    audit_record(
        organization_id=revision.organization_id,
        actor=actor,
        action="document.read_again",
        target_type="document",
        target_id=revision.document_id,
        data={"revision": revision.id},
    )
    queue.wake("jobs.dispatch")


@transaction.atomic
def document_delete(*, document_id: str, actor: Actor) -> None:
    """Remove a document: its bytes and its text are erased; what was made from it stays traceable.

    The documents of an archive follow it, see `documents/archives.py`.
    """
    # A job is locked before its documents, in the order in which what it has read is taken over.
    unread = Revision.objects.filter(
        document_id=document_id, document__deleted_at=None, state=RevisionState.UPLOADED
    )
    for revision in unread.exclude(job=None).select_related("job"):
        if len(revision.job.spec["files"]) == 1:
            # It may just have ended.
            with suppress(Conflict):
                job_cancel(job=revision.job, actor=actor)
    document = Document.objects.select_for_update(no_key=True).filter(pk=document_id, deleted_at=None).first()
    if document is None:
        raise NotFound
    document.deleted_at = timezone.now()
    document.save(update_fields=["deleted_at"])
    waiting_drop(document)
    revisions = list(document.revisions.all())
    audit_record(
        organization_id=document.organization_id,
        actor=actor,
        action="document.deleted",
        target_type="document",
        target_id=document.id,
        data={"revisions": [revision.id for revision in revisions]},
    )
    for erase in deletion.registered:
        erase(document, actor)
    if document.contents.filter(deleted_at=None).exists():
        queue.send(UNPACK_TASK)
    # The document counts as deleted even if erasing its files fails here; the sweep repeats that.
    transaction.on_commit(lambda: document_erase(document), robust=True)


def document_erase(document: Document) -> None:
    """Erase the bytes, the text and the pictures of a deleted document. `erased_at` is set when they are gone; the sweep retries."""
    revisions = list(document.revisions.all())
    for revision in revisions:
        artifact_delete(revision.organization_id, PAGES, revision.id)
        blob_drop_unused(revision.organization_id, revision.sha256)
    pictures_erase(document)
    # The disk may have refused to remove the text.
    if not any(pages_folder(revision).exists() for revision in revisions):
        Document.objects.filter(pk=document.pk).update(erased_at=Now())


@transaction.atomic
def blob_drop_unused(organization_id: str, sha256: str) -> None:
    """Erase a blob that no live document refers to, other than an archive that is unpacked."""
    _blob_lock(organization_id, sha256)
    if not kept_originals().filter(sha256=sha256).exists():
        blob_delete(organization_id, sha256)


def _blob_lock(organization_id: str, sha256: str) -> None:
    """Held until the transaction ends, so that bytes are not erased while a new row refers to them."""
    transaction_lock(f"blob {organization_id} {sha256}")
