"""What a sync has found becomes documents: each change in a transaction of its own, so that an interruption loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from audit.services import SYSTEM, Actor
from common import queue
from common.connections import is_away
from common.errors import KoshaError, NotFound
from common.locks import try_lock
from common.storage import artifact_delete, artifact_path
from common.tenancy import every_organization, organization_scope
from common.time_slices import OutOfTime, refuse_late, slice_end
from documents.models import Document, Purpose
from documents.services import document_delete
from documents.taking import FileDamaged, Refused, file_take, is_mass_removal
from jobs.produced import ProducedState
from sources.models import Source, SourceFile, Sync
from sources.selectors import SYNCS
from sources.services import ADVANCE_TASK, next_sync_at, start_if_due, sync_start
from workers.contract.listing import FILES_FOLDER, ListedFile
from workers.contract.specs.sync import CHANGES_FILE, Change

logger = logging.getLogger(__name__)

BATCH = 50


class SourceDeleted(Exception):
    pass


def sources_advance() -> None:
    """Start the syncs that are due, apply those that have ended, empty deleted sources. May run repeatedly, also twice at once."""
    deadline = slice_end()
    with every_organization("sources of every organization come due"):
        due = Source.objects.filter(deleted_at=None, next_sync_at__lte=Now()).order_by("next_sync_at")
        starting = list(due.values_list("id", "organization_id")[:BATCH])
    for id, organization_id in starting:
        with organization_scope(organization_id):
            start_if_due(id)
    with try_lock("sources") as locked:
        if locked:
            try:
                _work(deadline)
            except OutOfTime:
                queue.send(ADVANCE_TASK)


def _work(deadline: float) -> None:
    with every_organization("syncs of every organization are applied"):
        deleted = Source.objects.filter(deleted_at__isnull=False, files__isnull=False).distinct()
        emptying = list(deleted.values_list("id", "organization_id")[:BATCH])
        ended = Sync.objects.filter(state=ProducedState.READY, applied_at=None).order_by("id")
        applying = list(ended.values_list("id", "organization_id")[:BATCH])
    for id, organization_id in emptying:
        with organization_scope(organization_id):
            _empty(id, deadline)
    for id, organization_id in applying:
        with organization_scope(organization_id):
            _apply_safely(id, deadline)


def _empty(source_id: str, deadline: float) -> None:
    source = Source.objects.get(pk=source_id)
    if not source.takes_documents_along:
        SourceFile.objects.filter(source=source).delete()
        return
    for id in list(source.files.values_list("id", flat=True)[:10_000]):
        refuse_late(deadline)
        _remove(SourceFile.objects.get(pk=id), SYSTEM)


@transaction.atomic
def _remove(file: SourceFile, actor: Actor) -> None:
    document_id = file.document_id
    file.delete()
    if document_id is not None:
        # A person may have deleted it.
        with suppress(NotFound):
            document_delete(document_id=document_id, actor=actor)


def _apply_safely(id: str, deadline: float) -> None:
    """One that cannot be applied now does not stop the others."""
    sync = Sync.objects.select_related("source", "job").get(pk=id)
    try:
        _Applying(sync).run(deadline)
    except SourceDeleted:
        _end(sync, is_complete=False)
    except (FileNotFoundError, FileDamaged):
        # A backup does not hold them, and a power failure may have taken them: they are fetched again.
        _end(sync, is_complete=False)
        with suppress(KoshaError):
            sync_start(source=sync.source, actor=sync.source.actor, removes_all=sync.removes_all)
    except OutOfTime:
        raise
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("applying %s failed", id)


class _Applying:
    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._source = sync.source
        self._folder = artifact_path(sync.organization_id, SYNCS, sync.id)
        self._refused = Refused()
        result = sync.result
        vanished = not result["listed"] and not result["unchanged"]
        self._keeps = not sync.removes_all and (
            is_mass_removal(result["removed"], result["known"]) or (vanished and result["removed"] > 0)
        )
        """Documents whose files are gone stay until a person says so."""

    def run(self, deadline: float) -> None:
        """Raises OutOfTime, SourceDeleted, FileNotFoundError, FileDamaged."""
        for change in islice(self._changes(), self._sync.lines_applied, None):
            refuse_late(deadline)
            try:
                self._apply(change)
            except KoshaError as error:
                self._refuse(change, error)
        self._finish()

    def _changes(self) -> Iterator[Change]:
        with open(self._folder / CHANGES_FILE, "rb") as lines:
            for line in lines:
                yield Change.model_validate_json(line)

    def _apply(self, change: Change) -> None:
        match change.type:
            case "new" | "changed":
                self._take(change)
            case "same":
                with transaction.atomic():
                    # The engine has counted it as unchanged.
                    self._count("")
                    self._files(change).update(mark=change.mark)
            case "removed":
                with transaction.atomic():
                    self._count("" if self._keeps else "removed")
                    file = None if self._keeps else self._files(change).first()
                    if file is not None:
                        _remove(file, self._source.actor)

    def _take(self, change: Change) -> None:
        listed = ListedFile(name=change.name, size=change.size, sha256=change.sha256, stored=change.stored)
        file_take(
            file=listed,
            path=self._folder / FILES_FOLDER / change.stored,
            name=f"{self._source.name}/{change.name}",
            purpose=Purpose.USER_DATA,
            actor=self._source.actor,
            is_own=lambda document: self._files(change).filter(document=document).exists(),
            check=self._require_source,
            then=lambda document: self._taken(change, document),
        )

    def _files(self, change: Change) -> QuerySet[SourceFile]:
        return SourceFile.objects.filter(source=self._source, name=change.name)

    def _require_source(self) -> None:
        """Locks it, so that its deletion waits and then finds the row of the document."""
        source = Source.objects.select_for_update(no_key=True).get(pk=self._source.pk)
        if source.deleted_at is not None:
            raise SourceDeleted

    def _taken(self, change: Change, document: Document) -> None:
        """In the transaction that makes the document."""
        self._count("unchanged" if document.is_unchanged else change.type)
        self._write(change, document=document, refused="")

    def _refuse(self, change: Change, error: KoshaError) -> None:
        """What it was before stays. It is not fetched again before it changes."""
        self._refused.add(change.name, error)
        with transaction.atomic():
            self._require_source()
            self._count("refused")
            self._write(change, refused=error.code[:60])

    def _write(self, change: Change, **columns: object) -> None:
        SourceFile.objects.update_or_create(
            organization_id=self._source.organization_id,
            source=self._source,
            name=change.name,
            defaults={"mark": change.mark, "sha256": change.sha256, **columns},
        )

    def _count(self, column: str) -> None:
        changes = {"lines_applied": F("lines_applied") + 1} | ({column: F(column) + 1} if column else {})
        Sync.objects.filter(pk=self._sync.pk).update(**changes)

    def _finish(self) -> None:
        result = self._sync.result
        waiting = result["removed"] if self._keeps else 0
        warnings = [*self._sync.warnings, *self._refused.warnings()]
        _end(self._sync, is_complete=True, warnings=warnings, waiting=waiting)
        if result["left"]:
            with suppress(KoshaError):
                sync_start(source=self._source, actor=self._source.actor, removes_all=self._sync.removes_all)


def _end(sync: Sync, *, is_complete: bool, warnings: list[str] | None = None, waiting: int = 0) -> None:
    """Before the commit: where that fails, the files are fetched again."""
    artifact_delete(sync.organization_id, SYNCS, sync.id)
    with transaction.atomic():
        columns = {"warnings": warnings} if warnings is not None else {}
        Sync.objects.filter(pk=sync.pk).update(applied_at=Now(), **columns)
        if is_complete:
            source = Source.objects.select_for_update(no_key=True).get(pk=sync.source_id)
            Source.objects.filter(pk=source.pk, deleted_at=None).update(
                removals_waiting=waiting, next_sync_at=next_sync_at(source)
            )
