"""What is in a ZIP archive: documents that are synchronized with its files, and are deleted with it.

The engine has unpacked the files beside the archive's (empty) text. They become documents one by one, each in a transaction
of its own, so that an interruption loses nothing and the next call goes on.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from audit.services import SYSTEM, Actor, audit_record
from common import queue
from common.connections import is_away
from common.errors import Conflict, KoshaError, NotFound
from common.locks import try_lock
from common.tenancy import every_organization, organization_scope
from common.time_slices import OutOfTime, refuse_late, slice_end
from documents.models import Document, Revision, RevisionState
from documents.reading import UNPACK_TASK
from documents.selectors import contents_of, newest_read, pages_folder
from documents.services import (
    blob_drop_unused,
    clean_name,
    document_delete,
    revision_read_again,
)
from documents.taking import FileDamaged, Refused, file_take, is_mass_removal
from workers.contract.listing import FILES_FOLDER, ListedFile, read_listing

logger = logging.getLogger(__name__)

BATCH = 50
REMOVAL_WAITS = "removal_waits"
"""A warning of the archive, with the number of documents."""


class Superseded(Exception):
    """The archive was deleted, or a newer revision of it has been read."""


def archives_advance() -> None:
    """Delete the documents of deleted archives, then unpack those that were read. May run repeatedly, also twice at once."""
    deadline = slice_end()
    with try_lock("archives") as locked:
        if not locked:
            return
        try:
            _contents_delete(deadline)
            for id, organization_id in _waiting():
                with organization_scope(organization_id):
                    _unpack_safely(id, deadline)
        except OutOfTime:
            queue.send(UNPACK_TASK)


def _waiting() -> list[tuple[str, str]]:
    with every_organization("archives of every organization are unpacked"):
        rows = Revision.objects.filter(files__isnull=False, unpacked_at=None, document__deleted_at=None)
        return list(rows.order_by("id").values_list("id", "organization_id")[:BATCH])


def _contents_delete(deadline: float) -> None:
    """They go before an archive of the same name brings others of their names."""
    with every_organization("documents of deleted archives are deleted"):
        rows = Document.objects.filter(deleted_at=None, archive__deleted_at__isnull=False)
        found = list(rows.values_list("id", "organization_id")[:10_000])
    for id, organization_id in found:
        refuse_late(deadline)
        with organization_scope(organization_id):
            _delete(id, SYSTEM)


def _delete(id: str, actor: Actor) -> bool:
    try:
        document_delete(document_id=id, actor=actor)
    except NotFound:
        return False
    return True


def _unpack_safely(id: str, deadline: float) -> None:
    """One that cannot be unpacked now does not stop the others."""
    revision = Revision.objects.select_related("document").get(pk=id)
    try:
        _unpack(revision, deadline)
    except Superseded:
        _end(revision, [])
    except (FileNotFoundError, FileDamaged):
        # A backup does not hold them, and a power failure may have taken them.
        revision_read_again(revision=revision, actor=revision.actor)
    except OutOfTime:
        raise
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("unpacking %s failed", id)


def _unpack(revision: Revision, deadline: float) -> None:
    """Raises Superseded, OutOfTime, FileNotFoundError, FileDamaged."""
    archive, folder = revision.document, pages_folder(revision)
    held = {document.name: document for document in contents_of(archive)}
    refused, listed = Refused(), set()
    for file in read_listing(folder):
        refuse_late(deadline)
        try:
            name = clean_name(f"{archive.name}/{file.name}")
            if name in listed:
                raise Conflict("named_twice", "The archive has two files of this name.")
            listed.add(name)
            if not _is_held(held.get(name), file, revision):
                _take(revision, file, name)
        except KoshaError as error:
            refused.add(file.name, error)
    gone = [document for name, document in held.items() if name not in listed]
    before = [document for document in held.values() if document.created_at < revision.created_at]
    warnings = refused.warnings()
    if is_mass_removal(len(gone), len(before)):
        warnings.append(f"{REMOVAL_WAITS}:{len(gone)}")
        gone = []
    _remove(revision, gone, deadline)
    _end(revision, warnings, {"files": len(listed), "refused": refused.count, "removed": len(gone)})


def _is_held(document: Document | None, file: ListedFile, revision: Revision) -> bool:
    """The same bytes are read again only if reading them failed before the archive came."""
    current = document.current_revision if document else None
    if current is None or current.sha256 != file.sha256:
        return False
    return current.state != RevisionState.FAILED or current.created_at > revision.created_at


def _take(revision: Revision, file: ListedFile, name: str) -> None:
    archive = revision.document
    file_take(
        file=file,
        path=pages_folder(revision) / FILES_FOLDER / file.stored,
        name=name,
        purpose=archive.purpose,
        actor=revision.actor,
        is_own=lambda document: document.archive_id == archive.id,
        archive=archive,
        check=lambda: _require_newest(revision),
    )


def _require_newest(revision: Revision) -> None:
    """Locks the archive, so that neither its deletion nor a newer revision comes in between."""
    archive = Document.objects.select_for_update(no_key=True).get(pk=revision.document_id)
    if archive.deleted_at is not None or newest_read().filter(document=archive).first() != revision:
        raise Superseded


def _remove(revision: Revision, gone: Iterable[Document], deadline: float) -> None:
    for document in gone:
        refuse_late(deadline)
        with transaction.atomic():
            _require_newest(revision)
            _delete(document.id, revision.actor)


@transaction.atomic
def _end(revision: Revision, warnings: list[str], facts: dict[str, int] | None = None) -> None:
    """The archive is unpacked; `facts` are missing where it is superseded."""
    # Before the commit: where that fails, they are not missed, or the archive is read again.
    shutil.rmtree(pages_folder(revision) / FILES_FOLDER, ignore_errors=True)
    revision.warnings = [*revision.warnings, *warnings]
    Revision.objects.filter(pk=revision.pk).update(warnings=revision.warnings, unpacked_at=Now())
    blob_drop_unused(revision.organization_id, revision.sha256)
    if facts is not None:
        _audit(revision.document, revision.actor, "archive.unpacked", {"revision": revision.id, **facts})


# -- documents whose files are no longer in the archive -----------------------------------------------
def removals_waiting(revision: Revision | None) -> int:
    """How many documents of the archive wait for a person to say that they go, since they are most of all."""
    told = revision.warnings if revision else []
    figures = (each.partition(":")[2] for each in told if each.startswith(f"{REMOVAL_WAITS}:"))
    return next(map(int, figures), 0)


def archive_prune(*, archive: Document, actor: Actor) -> int:
    """Delete the documents whose files are no longer in the archive; how many were deleted.

    An interruption leaves the rest waiting.
    """
    revision = newest_read().filter(document=archive).first()
    if revision is None or not removals_waiting(revision):
        raise Conflict("nothing_waits", _("No document of this archive waits to be deleted."))
    listed = set()
    for file in read_listing(pages_folder(revision)):
        with suppress(KoshaError):
            listed.add(clean_name(f"{archive.name}/{file.name}"))
    gone = [id for id, name in contents_of(archive).values_list("id", "name") if name not in listed]
    deleted = sum(_delete(id, actor) for id in gone)
    warnings = [each for each in revision.warnings if not each.startswith(f"{REMOVAL_WAITS}:")]
    with transaction.atomic():
        Revision.objects.filter(pk=revision.pk).update(warnings=warnings)
        _audit(archive, actor, "archive.pruned", {"revision": revision.id, "removed": deleted})
    return deleted


def _audit(archive: Document, actor: Actor, action: str, data: dict[str, Any]) -> None:
    audit_record(
        organization_id=archive.organization_id,
        actor=actor,
        action=action,
        target_type="document",
        target_id=archive.id,
        data=data,
    )
