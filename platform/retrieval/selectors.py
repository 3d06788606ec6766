"""Reads: knowledge bases, their documents, and their indexes as a principal may search them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, TypedDict, cast

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django_stubs_ext import WithAnnotations

from accounts.groups import groups_of
from accounts.principal import Principal
from common.errors import NotFound
from common.model_server import SearchIndex
from common.permissions import Permission
from common.storage import artifact_path
from documents.models import Document, RevisionState
from jobs.produced import ProducedState
from retrieval.models import DocumentBatch, IndexBuild, KnowledgeBase, KnowledgeBaseDocument, PersonalData
from workers.contract.personal_data import PersonalDataMode

INDEXES = "indexes"
"""The artefact kind under which an index build's folder is kept."""


def knowledge_base_list() -> QuerySet[KnowledgeBase]:
    return KnowledgeBase.objects.filter(deleted_at=None).select_related("current_build", "embedding_model")


def knowledge_base_get(id: str, *, param: str | None = None) -> KnowledgeBase:
    found = knowledge_base_list().filter(pk=id).first()
    if found is None:
        raise NotFound(param=param)
    return found


def index_build_get(id: str, *, param: str | None = None) -> IndexBuild:
    found = IndexBuild.objects.select_related("knowledge_base", "job").filter(pk=id).first()
    if found is None:
        raise NotFound(param=param)
    return found


def index_folder(build: IndexBuild) -> Path:
    return artifact_path(build.organization_id, INDEXES, build.id)


def knowledge_base_mode(knowledge_base: KnowledgeBase, principal: Principal) -> PersonalDataMode:
    """How the principal sees the text of a knowledge base at this moment."""
    is_raw = knowledge_base.personal_data == PersonalData.RAW
    return "raw" if is_raw and principal.may(Permission.PERSONAL_DATA_READ) else "masked"


def documents_held_masked(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Those of the documents that a masked knowledge base has now."""
    entries = KnowledgeBaseDocument.objects.filter(
        knowledge_base__deleted_at=None, knowledge_base__personal_data=PersonalData.MASKED
    )
    return documents.filter(pk__in=entries.values("document"))


def search_index(build: IndexBuild, principal: Principal) -> SearchIndex:
    """A build as the principal may search it, and as its text is shown to them."""
    embedding_model = build.knowledge_base.embedding_model
    mode = knowledge_base_mode(build.knowledge_base, principal)
    return SearchIndex(
        folder=index_folder(build),
        groups=groups_of(principal),
        excluded_document_ids=tuple(removed_documents(build)),
        personal_data=mode,
        masked_document_ids=tuple(masked_documents(build)) if mode == "raw" else (),
        sha256=build.manifest_sha256 or None,
        embedding_model=Path(embedding_model.path),
        embedding_model_digest=embedding_model.digest,
        organization=build.organization_id,
    )


def latest_build(knowledge_base: KnowledgeBase) -> IndexBuild | None:
    return knowledge_base.builds.select_related("job").order_by("-number").first()


def newest_jobs(knowledge_bases: Sequence[KnowledgeBase]) -> dict[str, str]:
    """The job of the newest build of each, by knowledge base id, in one query; those without a build have none."""
    builds = IndexBuild.objects.filter(knowledge_base__in=knowledge_bases)
    newest = builds.order_by("knowledge_base_id", "-number").distinct("knowledge_base_id")
    return dict(newest.values_list("knowledge_base_id", "job_id"))


# -- the documents of a knowledge base ----------------------------------------------------------
ENTRY_STATUSES = ("in_progress", "completed", "failed", "cancelled")
"""OpenAI's names."""


class EntryStatus(TypedDict):
    status: str


Entry: TypeAlias = "WithAnnotations[KnowledgeBaseDocument, EntryStatus]"


def entry_list(knowledge_bases: Sequence[KnowledgeBase]) -> QuerySet[Entry]:
    """Entries of live documents, each with its `status`.

    `completed` once search finds the newest revision; `failed` where that revision cannot be read, or where
    the newest build contains it and failed; `cancelled` where that build was. The current builds are those of `knowledge_bases` as they were
    read, so that a client that reads `completed` reads of the index, too.
    """
    built = IndexBuild.revisions.through.objects.filter(revision_id=OuterRef("document__current_revision_id"))
    newest = IndexBuild.objects.filter(knowledge_base=OuterRef("knowledge_base_id")).order_by("-number")
    found = built.filter(
        indexbuild__in=[base.current_build_id for base in knowledge_bases if base.current_build_id],
        indexbuild__knowledge_base=OuterRef("knowledge_base_id"),
    )
    newest_with_it = built.filter(indexbuild_id=OuterRef("newest_build_id"))
    failed = newest_with_it.filter(indexbuild__state=ProducedState.FAILED)
    cancelled = newest_with_it.filter(indexbuild__state=ProducedState.CANCELLED)
    return (
        KnowledgeBaseDocument.objects.filter(knowledge_base__in=knowledge_bases, document__deleted_at=None)
        .select_related("document__current_revision")
        .annotate(newest_build_id=Subquery(newest.values("id")[:1]))
        .annotate(
            status=Case(
                When(Exists(found), then=Value("completed")),
                When(document__current_revision__state=RevisionState.FAILED, then=Value("failed")),
                When(Exists(failed), then=Value("failed")),
                When(Exists(cancelled), then=Value("cancelled")),
                default=Value("in_progress"),
            )
        )
    )


def entry_get(knowledge_base: KnowledgeBase, document_id: str) -> Entry:
    entry = entry_list([knowledge_base]).filter(document_id=document_id).first()
    if entry is None:
        raise NotFound
    return entry


def batch_get(knowledge_base: KnowledgeBase, id: str) -> DocumentBatch:
    batch = knowledge_base.batches.select_related("knowledge_base").filter(pk=id).first()
    if batch is None:
        raise NotFound
    return batch


def status_counts(entries: QuerySet[Entry]) -> dict[str, dict[str, int]]:
    """`file_counts` by knowledge base id, counted by the database in one query."""
    counted: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: dict.fromkeys((*ENTRY_STATUSES, "total"), 0)
    )
    rows = entries.order_by().values_list("knowledge_base_id", "status").annotate(entries=Count("pk"))
    for knowledge_base_id, status, number in rows:
        counted[knowledge_base_id][status] += number
        counted[knowledge_base_id]["total"] += number
    return counted


def is_in_progress(knowledge_base: KnowledgeBase) -> bool:
    """Whether its index will hold more by itself: a document is being read, or a build runs."""
    return status_counts(entry_list([knowledge_base]))[knowledge_base.id]["in_progress"] > 0


def masked_documents(build: IndexBuild) -> list[str]:
    """The build's documents that are masked also where the knowledge base is raw: usually none."""
    documents = Document.objects.filter(is_masked=True, revisions__in=build.revisions.all())
    return list(cast("Iterable[str]", documents.values_list("id", flat=True).distinct()))


def removed_documents(build: IndexBuild) -> list[str]:
    """The build's documents that were deleted since, or taken out of its knowledge base.

    Search leaves them out, so that a removed document is not found from that moment on, although the
    build that holds it is immutable.
    """
    members = KnowledgeBaseDocument.objects.filter(
        knowledge_base=build.knowledge_base_id, document=OuterRef("pk")
    )
    documents = Document.objects.filter(
        ~Exists(members) | Q(deleted_at__isnull=False), revisions__in=build.revisions.all()
    )
    return list(cast("Iterable[str]", documents.values_list("id", flat=True).distinct()))
