"""Writes: knowledge bases, their documents, and the index builds that follow from a change of either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.groups import everyone_in
from audit.services import SYSTEM, Actor, audit_record
from common.errors import Conflict
from documents.masking import ShowingDenied, documents_mask, documents_show
from documents.models import Document, Revision
from documents.selectors import pages_path, read_revisions
from jobs.produced import ProducedState
from jobs.services import job_cancel, job_submit
from registry.models import BaseModel
from registry.selectors import default_embedding_model
from retrieval.models import (
    DEFAULT_PERSONAL_DATA,
    DocumentBatch,
    IndexBuild,
    KnowledgeBase,
    KnowledgeBaseDocument,
    PersonalData,
)
from retrieval.selectors import entry_get, index_folder, latest_build
from workers.contract.specs.retrieval import RetrievalSource, RetrievalSpec


@transaction.atomic
def knowledge_base_create(
    *,
    name: str,
    documents: list[Document],
    actor: Actor,
    embedding_model: BaseModel | None = None,
    metadata: dict[str, str] | None = None,
    personal_data: str | None = None,
) -> KnowledgeBase:
    embedding_model = embedding_model or default_embedding_model()
    if embedding_model is None:
        raise Conflict(
            "no_embedding_model",
            _("No embedding model is registered. Ask the operator to register one (kind embedding)."),
        )
    knowledge_base = KnowledgeBase.objects.create(
        name=name,
        embedding_model=embedding_model,
        metadata=metadata or {},
        personal_data=personal_data or DEFAULT_PERSONAL_DATA,
    )
    facts = {"name": name, "personal_data": str(knowledge_base.personal_data)}
    _audit(knowledge_base, actor, "knowledge_base.created", facts)
    if documents:
        documents_add(knowledge_base=knowledge_base, documents=documents, actor=actor)
    return knowledge_base


@transaction.atomic
def knowledge_base_update(
    *,
    knowledge_base: KnowledgeBase,
    actor: Actor,
    name: str | None = None,
    metadata: dict[str, str] | None = None,
    personal_data: str | None = None,
    may_show: bool = False,
) -> None:
    """What is None stays. A change of `personal_data` holds for the next request.

    `may_show`: the caller decides that masked text is shown; raises ShowingDenied otherwise.
    """
    # As it is now: what the caller has read may be old.
    before = _lock(knowledge_base.id).personal_data
    if name is not None:
        knowledge_base.name = name
    if metadata is not None:
        knowledge_base.metadata = metadata
    if personal_data is not None:
        if before == PersonalData.MASKED != personal_data and not may_show:
            raise ShowingDenied
        knowledge_base.personal_data = personal_data
    changed = [
        field
        for field, value in (("name", name), ("metadata", metadata), ("personal_data", personal_data))
        if value is not None
    ]
    knowledge_base.save(update_fields=changed)
    facts: dict[str, object] = {"name": knowledge_base.name}
    if personal_data is not None:
        changed_documents = _documents_follow(knowledge_base, before)
        facts |= {"personal_data_before": str(before), "documents_changed": changed_documents}
    facts["personal_data"] = str(knowledge_base.personal_data)
    _audit(knowledge_base, actor, "knowledge_base.updated", facts)


def _documents_follow(knowledge_base: KnowledgeBase, before: str) -> int:
    """Mask or show the documents of a knowledge base whose mode was set; how many changed."""
    documents = Document.objects.filter(
        pk__in=KnowledgeBaseDocument.objects.filter(knowledge_base=knowledge_base).values("document")
    )
    if knowledge_base.personal_data == PersonalData.MASKED:
        return documents_mask(documents)
    return documents_show(documents) if before == PersonalData.MASKED else 0


@transaction.atomic
def knowledge_base_delete(*, knowledge_base: KnowledgeBase, actor: Actor) -> None:
    """Hide it and stop its builds. Releases keep the index builds they were made with; masked documents stay masked."""
    # The job is locked before the knowledge base, in the order in which a build that ends locks them.
    for build in knowledge_base.builds.filter(state=ProducedState.BUILDING).select_related("job"):
        with suppress(Conflict):  # the job may have ended a moment ago
            job_cancel(job=build.job, actor=actor)
    knowledge_base.deleted_at = timezone.now()
    knowledge_base.save(update_fields=["deleted_at"])
    _audit(knowledge_base, actor, "knowledge_base.deleted", {})


@transaction.atomic
def batch_create(*, knowledge_base: KnowledgeBase, documents: list[Document], actor: Actor) -> DocumentBatch:
    """Add documents as one batch, whose progress can be read later."""
    batch = DocumentBatch.objects.create(knowledge_base=knowledge_base)
    batch.documents.set(documents)
    documents_add(knowledge_base=knowledge_base, documents=documents, actor=actor)
    return batch


@transaction.atomic
def documents_add(*, knowledge_base: KnowledgeBase, documents: list[Document], actor: Actor) -> None:
    """Add documents and start an index build where one is needed.

    Adding documents that are already there repeats a newest build that failed or was cancelled.
    """
    is_masked = _lock(knowledge_base.id).personal_data == PersonalData.MASKED
    KnowledgeBaseDocument.objects.bulk_create(
        (
            KnowledgeBaseDocument(
                organization_id=knowledge_base.organization_id,
                knowledge_base=knowledge_base,
                document=document,
            )
            for document in documents
        ),
        ignore_conflicts=True,
    )
    ids = [document.id for document in documents]
    if is_masked:
        documents_mask(Document.objects.filter(pk__in=ids))
    _audit(knowledge_base, actor, "knowledge_base.documents_added", {"documents": ids})
    index_build_if_needed(knowledge_base_id=knowledge_base.id, actor=actor, again=True)


@transaction.atomic
def document_remove(*, knowledge_base: KnowledgeBase, document_id: str, actor: Actor) -> None:
    """The document is not found from this moment on; the next build leaves it out. It stays masked."""
    _lock(knowledge_base.id)
    entry_get(knowledge_base, document_id).delete()
    _audit(knowledge_base, actor, "knowledge_base.document_removed", {"document": document_id})
    index_build_if_needed(knowledge_base_id=knowledge_base.id, actor=actor)


def revisions_ready(revisions: Sequence[Revision]) -> None:
    """They have been read: build them into the knowledge bases that their documents belong to, each once."""
    entries = KnowledgeBaseDocument.objects.filter(
        document__in=[revision.document_id for revision in revisions], knowledge_base__deleted_at=None
    )
    ids = entries.order_by("knowledge_base_id").values_list("knowledge_base_id", flat=True).distinct()
    for knowledge_base_id in ids:
        index_build_if_needed(knowledge_base_id=knowledge_base_id, actor=SYSTEM)


@transaction.atomic
def index_build_if_needed(*, knowledge_base_id: str, actor: Actor, again: bool = False) -> IndexBuild | None:
    """Start a build unless one runs or the newest one has the same revisions.

    When a running build ends, this is called again. A newest build that failed is not repeated, since it
    would fail without end; `again` repeats it.
    """
    knowledge_base = _lock(knowledge_base_id)
    latest = latest_build(knowledge_base)
    if latest is not None and latest.state == ProducedState.BUILDING:
        return None
    revisions = _current_revisions(knowledge_base)
    if not revisions:
        return None
    if latest is not None and not (again and latest.state != ProducedState.READY):
        built = set(latest.revisions.values_list("id", flat=True))
        if built == {revision.id for revision in revisions}:
            return None
    return _index_build_create(knowledge_base, revisions, actor)


@transaction.atomic
def index_build_again(*, knowledge_base: KnowledgeBase, actor: Actor) -> IndexBuild | None:
    """Build from the same documents once more, for example after a disk damaged the index.

    None while a build runs, or where no document has been read yet.
    """
    knowledge_base = _lock(knowledge_base.id)
    latest = latest_build(knowledge_base)
    revisions = _current_revisions(knowledge_base)
    if not revisions or (latest is not None and latest.state == ProducedState.BUILDING):
        return None
    return _index_build_create(knowledge_base, revisions, actor)


def _lock(knowledge_base_id: str) -> KnowledgeBase:
    """A knowledge base is changed by one transaction at a time."""
    rows = KnowledgeBase.objects.select_for_update(no_key=True, of=("self",))
    knowledge_base: KnowledgeBase = rows.select_related("embedding_model", "current_build").get(
        pk=knowledge_base_id
    )
    return knowledge_base


def _current_revisions(knowledge_base: KnowledgeBase) -> list[Revision]:
    """Of each document the newest revision that has been read: only deletion or removal takes it out."""
    entries = KnowledgeBaseDocument.objects.filter(knowledge_base=knowledge_base, document__deleted_at=None)
    revisions = read_revisions().filter(document__in=entries.values("document"))
    return list(revisions.select_related("document").order_by("document_id"))


def _index_build_create(
    knowledge_base: KnowledgeBase, revisions: Iterable[Revision], actor: Actor
) -> IndexBuild:
    current = knowledge_base.current_build
    known = set(current.revisions.values_list("id", flat=True)) if current else set()
    spec = RetrievalSpec(
        sources=tuple(
            RetrievalSource(
                document_id=revision.document_id,
                revision_id=revision.id,
                document_name=revision.document.name,
                pages_path=pages_path(revision),
                groups=(everyone_in(revision.organization_id),),
                is_known=revision.id in known,
            )
            for revision in revisions
        ),
        embedding_model=Path(knowledge_base.embedding_model.path),
        embedding_model_digest=knowledge_base.embedding_model.digest,
        previous_index=index_folder(current) if current else None,
    )
    build = IndexBuild.objects.create(
        knowledge_base=knowledge_base,
        number=(knowledge_base.builds.aggregate(last=Max("number"))["last"] or 0) + 1,
        job=job_submit(spec=spec, actor=actor),
    )
    build.revisions.set(revisions)
    audit_record(
        organization_id=build.organization_id,
        actor=actor,
        action="index_build.created",
        target_type="index_build",
        target_id=build.id,
        data={"knowledge_base": knowledge_base.id, "number": build.number},
    )
    return build


def index_build_ended(build: IndexBuild) -> None:
    """Switch search to a finished build. If the documents changed since it began, start the next one."""
    if build.state == ProducedState.READY:
        KnowledgeBase.objects.filter(pk=build.knowledge_base_id).update(current_build=build)
    if KnowledgeBase.objects.filter(pk=build.knowledge_base_id, deleted_at=None).exists():
        index_build_if_needed(knowledge_base_id=build.knowledge_base_id, actor=SYSTEM)


def _audit(knowledge_base: KnowledgeBase, actor: Actor, action: str, data: Mapping[str, object]) -> None:
    audit_record(
        organization_id=knowledge_base.organization_id,
        actor=actor,
        action=action,
        target_type="knowledge_base",
        target_id=knowledge_base.id,
        data=dict(data),
    )
