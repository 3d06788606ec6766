"""From an uploaded revision to a read one: revisions are collected into jobs, and each is completed as soon as it is read.

While few jobs of an organization are unfinished, what waits is collected at once: a single upload is read alone, and under
load the batches grow by themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common import queue
from common.errors import Conflict
from common.language import stored_language
from common.storage import ArtifactLost, artifact_adopt, artifact_delete, blob_path
from common.tenancy import every_organization, organization_scope
from documents.models import Document, Revision, RevisionState
from documents.selectors import PAGES
from jobs.clusters import cluster_default, cluster_parsers_seen
from jobs.failures import error_columns
from jobs.models import Job
from jobs.services import job_cancel, job_submit
from jobs.transitions import TERMINAL, JobState
from jobs.types import job_types
from workers.contract.artifacts import ArtifactDamaged, verify_sizes
from workers.contract.run_folder import RunFolder
from workers.contract.specs.events import FileRead
from workers.contract.specs.ingest import (
    FileOutcome,
    IngestBatchResult,
    IngestBatchSpec,
    IngestFile,
    IngestResult,
)

logger = logging.getLogger(__name__)

UNPACK_TASK = "documents.unpack"
"""Looks after archives that were read or deleted."""
SHORT_BYTES = 4 << 20
"""Files that hold so much together are read in seconds."""
WRITTEN = (
    "state", "job", "is_alone", "result", "manifest_sha256", "error_code", "error_message", "error_param",
    "error_values", "media_type", "title", "pages", "characters", "records", "files", "warnings",
)  # fmt: skip
"""The columns that reading sets."""

Follow = Callable[[Sequence[Revision]], None]
_followers: list[Follow] = []


def on_revisions_read(follow: Follow) -> None:
    """Call `follow` with revisions that have been read, many at once, in their transaction. For the apps above."""
    if follow not in _followers:
        _followers.append(follow)


# -- collecting ------------------------------------------------------------------------------------------
def revisions_waiting() -> QuerySet[Revision]:
    rows = Revision.objects.filter(state=RevisionState.UPLOADED, job=None)
    return rows.filter(document__deleted_at=None).order_by("id")


def revisions_collect() -> None:
    """Make jobs of the revisions that wait. One query where none does."""
    with every_organization("the files of all organizations are read"):
        waiting = Revision.objects.filter(state=RevisionState.UPLOADED, job=None).order_by()
        found = list(waiting.values_list("organization_id", flat=True).distinct())
    for organization_id in found:
        with organization_scope(organization_id):
            _collect()


def _collect() -> None:
    """As many jobs of each size as an organization may have unfinished: there are few, and each takes what waits by then."""
    kind = next(known.name for known in job_types() if known.spec is IngestBatchSpec)
    unfinished = Job.objects.filter(kind=kind, cleaned_at=None).exclude(state__in=TERMINAL)
    most = cluster_default().light_long_slots
    held = list(unfinished.values_list("light_long", flat=True))
    slow = Q(is_alone=True) | Q(size__gt=SHORT_BYTES)
    for is_long, chosen in ((0, ~slow), (1, slow)):
        for _place in range(most - held.count(is_long)):
            if not collect_job(
                revisions_waiting().filter(chosen), 1 if is_long else settings.KOSHA_READ_TOGETHER
            ):
                break


@transaction.atomic
def collect_job(waiting: QuerySet[Revision], most: int) -> bool:
    """A job for the first of `waiting`, and for those of the same person that follow. False where none waits."""
    first = waiting.first()
    if first is None:
        return False
    same = waiting.filter(
        actor_kind=first.actor_kind,
        actor_id=first.actor_id,
        actor_label=first.actor_label,
        is_alone=first.is_alone,
    )
    rows = list(
        same.select_for_update(no_key=True, of=("self",), skip_locked=True).select_related("document")[:most]
    )
    rows = _within(rows, SHORT_BYTES)
    if not rows:
        return False
    job = job_submit(spec=_spec(rows), actor=first.actor)
    Revision.objects.filter(pk__in=[row.pk for row in rows]).update(job=job)
    return True


def _within(rows: list[Revision], most_bytes: int) -> list[Revision]:
    """The first ones that hold no more together; at least one."""
    sums = accumulate(row.size for row in rows)
    fit = len(list(takewhile(lambda total: total <= most_bytes, sums)))
    return rows[: max(1, fit)]


def _spec(rows: Sequence[Revision]) -> IngestBatchSpec:
    files = (
        IngestFile(
            document_id=row.document_id,
            revision_id=row.id,
            name=row.document.name,
            path=blob_path(row.organization_id, row.sha256),
            sha256=row.sha256,
            media_type=row.declared_media_type or None,
        )
        for row in rows
    )
    return IngestBatchSpec(
        files=tuple(files),
        is_alone=rows[0].is_alone,
        max_bytes=settings.KOSHA_MAX_UPLOAD_BYTES,
        ocr=settings.KOSHA_OCR,
    )


# -- what has been read ------------------------------------------------------------------------------
def files_read(*, job: Job, events: Iterable[FileRead]) -> None:
    """Complete the revisions of these events. One whose text is gone is left for the end of the job."""
    for id, error in _complete(job, [event.outcome for event in events]).items():
        logger.warning("%s: what was read of %s is lost: %s", job.id, id, error)


def files_finish(job: Job, result: IngestBatchResult | None) -> None:
    """At the end of the job: complete what its events have not, and hand back what it has not read.

    The only file of a job is not tried again, so that its loss is raised: ArtifactLost, ArtifactDamaged.
    """
    lost = _complete(job, result.outcomes if result is not None else ())
    is_last_try = len(job.spec["files"]) == 1
    if lost and is_last_try:
        raise next(iter(lost.values()))
    rows = list(_unread(job))
    for row in rows:
        if job.state == JobState.CANCELLED:
            _cancelled(row)
        elif job.state == JobState.FAILED and is_last_try:
            row.state = RevisionState.FAILED
            row.copy_error(job)
        else:
            row.job, row.is_alone = None, job.state == JobState.FAILED or row.pk in lost
    Revision.objects.bulk_update(rows, WRITTEN)


def revision_is_wanted(revision: Revision) -> bool:
    """Locks the document, so that a deletion waits and then erases what is made of it, too."""
    document = Document.objects.select_for_update(no_key=True).get(pk=revision.document_id)
    return document.deleted_at is None


def _unread(job: Job) -> QuerySet[Revision]:
    """The revisions of the job that wait for it, locked; those of deleted documents do not."""
    rows = Revision.objects.filter(job=job, state=RevisionState.UPLOADED)
    # A deletion waits, and then erases the text, too.
    # By their ids: joined, they were looked for among all documents.
    ids = list(rows.values_list("document_id", flat=True))
    documents = Document.objects.filter(pk__in=ids, deleted_at=None)
    held = list(documents.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    return rows.filter(document__in=held).order_by("pk").select_for_update(no_key=True, of=("self",))


def _complete(job: Job, outcomes: Sequence[FileOutcome]) -> dict[str, ArtifactLost | ArtifactDamaged]:
    """Complete the revisions of these outcomes; by id what stood in the way of some. Call it in a transaction."""
    known = {outcome.revision_id: outcome for outcome in outcomes}
    taken: list[Revision] = []
    lost: dict[str, ArtifactLost | ArtifactDamaged] = {}
    for row in _unread(job).filter(pk__in=known) if known else ():
        try:
            _take(row, known[row.pk], job)
            taken.append(row)
        except (ArtifactLost, ArtifactDamaged) as error:
            lost[row.pk] = error
    Revision.objects.bulk_update(taken, WRITTEN)
    if read := [row for row in taken if row.state == RevisionState.PROCESSED]:
        last = read[-1].result
        if last["isolation"]:
            cluster_parsers_seen(
                cluster_id=job.cluster_id, isolation=last["isolation"], ocr=last["ocr"] or ""
            )
        if any(row.is_archive for row in read):
            queue.send(UNPACK_TASK)
        for follow in _followers:
            follow(read)
    return lost


def _take(row: Revision, outcome: FileOutcome, job: Job) -> None:
    if outcome.result is not None:
        _adopt(row, outcome.result, job)
    elif outcome.error is not None:
        row.state = RevisionState.FAILED
        for name, value in error_columns(outcome.error).items():
            setattr(row, name, value)
    else:
        row.job, row.is_alone = None, True


def _adopt(row: Revision, result: IngestResult, job: Job) -> None:
    folder = RunFolder(job.run_dir).output / row.id
    # A missing folder was adopted already, or `artifact_adopt` raises ArtifactLost.
    if folder.is_dir():
        verify_sizes(folder, result.manifest_sha256)
        # What a transaction has adopted that was rolled back then, and that was read again.
        artifact_delete(row.organization_id, PAGES, row.id)
    artifact_adopt(folder, row.organization_id, PAGES, row.id)
    row.state = RevisionState.PROCESSED
    row.result, row.manifest_sha256 = result.model_dump(mode="json"), result.manifest_sha256
    for name, value in _columns(result).items():
        setattr(row, name, value)


def _columns(result: IngestResult) -> dict[str, Any]:
    return {
        "media_type": result.media_type,
        "title": (result.title or "")[:500],
        "pages": result.pages,
        "characters": result.characters,
        "records": result.records,
        "files": result.files,
        "warnings": list(result.warnings),
    }


# -- stopping ------------------------------------------------------------------------------------------
def can_stop_reading(revision: Revision) -> bool:
    return revision.is_building and (revision.job is None or revision.job.can_stop)


@transaction.atomic
def reading_stop(*, revision: Revision, actor: Actor) -> None:
    """Do not read it: its job ends with it where it is alone, and goes on with the others otherwise."""
    job = revision.job
    if job is not None and len(job.spec["files"]) == 1:
        job_cancel(job=job, actor=actor)
        return
    rows = Revision.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=revision.pk, state=RevisionState.UPLOADED).first()
    if row is None:
        raise Conflict("reading_has_ended", _("The file has been read already; there is nothing to stop."))
    _cancelled(row)
    row.save(update_fields=WRITTEN)
    audit_record(
        organization_id=row.organization_id,
        actor=actor,
        action="document.reading_stopped",
        target_type="document",
        target_id=row.document_id,
        data={"revision": row.id},
    )


def waiting_drop(document: Document) -> None:
    """Of a deleted document nothing waits to be read."""
    rows = list(document.revisions.filter(state=RevisionState.UPLOADED, job=None))
    for row in rows:
        _cancelled(row)
    Revision.objects.bulk_update(rows, WRITTEN)


def _cancelled(row: Revision) -> None:
    row.state = RevisionState.FAILED
    with stored_language():
        message = _("Reading was cancelled. Upload the file again to retry.")
    row.set_error("ingest.user.cancelled", message)
