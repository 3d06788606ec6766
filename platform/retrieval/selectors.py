"""Reads: knowledge bases, which of their documents can be found, and the search itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from django.db.models import Exists, OuterRef, QuerySet

from common.errors import NotFound
from common.storage import artifact_path
from documents.models import Document, RevisionState
from retrieval.models import IndexBuild, IndexBuildState, KnowledgeBase, KnowledgeBaseDocument

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


def latest_build(knowledge_base: KnowledgeBase) -> IndexBuild | None:
    return knowledge_base.builds.select_related("job").order_by("-number").first()


# -- the documents of a knowledge base ----------------------------------------------------------
ENTRY_STATUSES = ("in_progress", "completed", "failed", "cancelled")


def entry_list(knowledge_base: KnowledgeBase) -> QuerySet[KnowledgeBaseDocument]:
    """Entries of live documents, each with `is_indexed`: whether search finds its newest revision."""
    current = IndexBuild.revisions.through.objects.filter(
        indexbuild_id=knowledge_base.current_build_id, revision_id=OuterRef("document__current_revision_id")
    )
    return (
        KnowledgeBaseDocument.objects.filter(knowledge_base=knowledge_base, document__deleted_at=None)
        .select_related("document__current_revision", "knowledge_base")
        .annotate(is_indexed=Exists(current))
    )


def entry_get(knowledge_base: KnowledgeBase, document_id: str) -> KnowledgeBaseDocument:
    entry = entry_list(knowledge_base).filter(document_id=document_id).first()
    if entry is None:
        raise NotFound
    return entry


@dataclass(frozen=True)
class BuildView:
    """The newest build as the entries' statuses need it."""

    failed: bool
    revision_ids: frozenset[str]


def build_view(knowledge_base: KnowledgeBase) -> BuildView:
    build = latest_build(knowledge_base)
    if build is None or build.state not in (IndexBuildState.FAILED, IndexBuildState.CANCELLED):
        return BuildView(False, frozenset())
    return BuildView(True, frozenset(build.revisions.values_list("id", flat=True)))


def entry_status(entry: KnowledgeBaseDocument, view: BuildView) -> str:
    """`completed` once search finds the newest revision; `failed` if it cannot be read or indexed."""
    revision = entry.document.current_revision
    assert revision is not None
    if entry.is_indexed:
        return "completed"
    if revision.state == RevisionState.FAILED or (view.failed and revision.id in view.revision_ids):
        return "failed"
    return "in_progress"


def status_counts(entries: Iterable[KnowledgeBaseDocument], view: BuildView) -> dict[str, int]:
    counts = dict.fromkeys(ENTRY_STATUSES, 0)
    for entry in entries:
        counts[entry_status(entry, view)] += 1
    return {**counts, "total": sum(counts.values())}


def searchable_documents(build: IndexBuild) -> list[str]:
    """The build's documents that are still members of its knowledge base and not deleted.

    Search is limited to them, so that a removed document is not found from that moment on, although
    the build that held it is immutable.
    """
    members = KnowledgeBaseDocument.objects.filter(
        knowledge_base=build.knowledge_base_id, document=OuterRef("pk")
    )
    documents = Document.objects.filter(Exists(members), revisions__in=build.revisions.all(), deleted_at=None)
    return list(cast("Iterable[str]", documents.values_list("id", flat=True).distinct()))
