"""/v1/vector_stores: knowledge bases, their files and search, as OpenAI's clients know them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BeforeValidator, Field

from accounts.principal import Principal, actor_of, principal_of
from common.errors import InvalidRequest
from common.pagination import keyset_page, list_body
from common.unsupported import Unsupported
from common.wire import Body, Metadata, OneOrMany, PageQuery, unix
from documents.masking import may_show
from documents.selectors import document_get, documents_by_id
from documents.showing import original_size
from registry.models import BaseModelKind
from registry.selectors import base_model_get
from retrieval import services
from retrieval.models import DocumentBatch, KnowledgeBase
from retrieval.search import MAXIMUM_QUERY, search
from retrieval.selectors import (
    Entry,
    batch_get,
    entry_get,
    entry_list,
    knowledge_base_get,
    knowledge_base_list,
    knowledge_base_mode,
    newest_jobs,
    status_counts,
)
from workers.contract.personal_data import PersonalDataMode
from workers.contract.specs.serving import SearchHit

router = Router(tags=["Vector stores"])


def _given(strategy: Any) -> Any:
    return (
        {name: value for name, value in strategy.items() if value is not None}
        if isinstance(strategy, dict)
        else strategy
    )


Chunking = Annotated[
    dict[str, Any] | None,
    Unsupported({}, {"type": "auto"}, {"type": "other"}, why="every index is chunked alike"),
    BeforeValidator(_given),
]
"""OpenAI's `auto`; answers call it `other`."""


class StoreBody(Body):
    answered_as = "vector_store"

    name: str | None = Field(default=None, max_length=200)
    file_ids: list[str] = Field(default_factory=list, max_length=10_000)
    metadata: Metadata | None = None
    description: Annotated[str | None, Unsupported("")] = None
    embedding_model: str | None = None
    """Kosha's: which embedding model; left out, the installation's first."""
    personal_data: PersonalDataMode | None = None
    """Kosha's: `masked` shows tokens in place of personal data, `raw` shows them to those with the right."""
    expires_after: Annotated[dict[str, Any] | None, Unsupported()] = None
    chunking_strategy: Chunking = None


class StoreChange(Body):
    answered_as = "vector_store"

    name: str | None = Field(default=None, max_length=200)
    metadata: Metadata | None = None
    personal_data: PersonalDataMode | None = None
    """Kosha's: holds for the next request; no index is built. `raw` after `masked` needs the right to publish releases."""
    expires_after: Annotated[dict[str, Any] | None, Unsupported()] = None


def store_body(
    knowledge_base: KnowledgeBase, counts: dict[str, int] | None = None, job: str | None = None
) -> dict[str, Any]:
    """A list passes `counts` and `job`, so that those of all its entries are read in one query each.

    `job` is that of the newest index build, which may still run, or have failed or been cancelled.
    """
    if counts is None:
        counts = status_counts(entry_list([knowledge_base]))[knowledge_base.id]
        job = newest_jobs([knowledge_base]).get(knowledge_base.id)
    build = knowledge_base.current_build
    return {
        "id": knowledge_base.id,
        "object": "vector_store",
        "created_at": unix(knowledge_base.created_at),
        "name": knowledge_base.name,
        "usage_bytes": build.result["bytes"] if build else 0,
        "file_counts": counts,
        "status": "in_progress" if counts["in_progress"] else "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": unix(build.created_at if build else knowledge_base.created_at),
        "metadata": knowledge_base.metadata,
        "embedding_model": knowledge_base.embedding_model.name,
        "personal_data": knowledge_base.personal_data,
        "job": job,
        "index_build": {
            "id": build.id,
            "number": build.number,
            "passages": build.result["chunks"],
            "manifest_sha256": build.manifest_sha256,
        }
        if build
        else None,
    }


@router.post("/vector_stores", summary="Create a vector store")
def store_create(request: HttpRequest, payload: StoreBody) -> dict[str, Any]:
    embedding_model = (
        base_model_get(payload.embedding_model, kind=BaseModelKind.EMBEDDING, param="embedding_model")
        if payload.embedding_model
        else None
    )
    knowledge_base = services.knowledge_base_create(
        name=payload.name or "",
        documents=documents_by_id(payload.file_ids, param="file_ids"),
        embedding_model=embedding_model,
        metadata=payload.metadata,
        personal_data=payload.personal_data,
        actor=actor_of(request),
    )
    return store_body(knowledge_base_get(knowledge_base.id))


@router.get("/vector_stores", summary="List vector stores")
def store_list(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = keyset_page(knowledge_base_list(), after=query.after, limit=query.limit, order=query.order)
    counts, jobs = status_counts(entry_list(page.items)), newest_jobs(page.items)
    return list_body(page, lambda base: store_body(base, counts[base.id], jobs.get(base.id)))


@router.get("/vector_stores/{vector_store_id}", summary="Retrieve a vector store")
def store_retrieve(request: HttpRequest, vector_store_id: str) -> dict[str, Any]:
    return store_body(knowledge_base_get(vector_store_id))


@router.post("/vector_stores/{vector_store_id}", summary="Change a vector store")
def store_update(request: HttpRequest, vector_store_id: str, payload: StoreChange) -> dict[str, Any]:
    knowledge_base = knowledge_base_get(vector_store_id)
    services.knowledge_base_update(
        knowledge_base=knowledge_base,
        name=payload.name,
        metadata=payload.metadata,
        personal_data=payload.personal_data,
        may_show=may_show(principal_of(request)),
        actor=actor_of(request),
    )
    return store_body(knowledge_base)


@router.delete("/vector_stores/{vector_store_id}", summary="Delete a vector store")
def store_delete(request: HttpRequest, vector_store_id: str) -> dict[str, Any]:
    services.knowledge_base_delete(
        knowledge_base=knowledge_base_get(vector_store_id), actor=actor_of(request)
    )
    return {"id": vector_store_id, "object": "vector_store.deleted", "deleted": True}


# -- files ------------------------------------------------------------------------------------
class StoreFileBody(Body):
    answered_as = "vector_store.file"

    file_id: str
    attributes: Annotated[dict[str, Any] | None, Unsupported({})] = None
    chunking_strategy: Chunking = None


class BatchBody(Body):
    file_ids: list[str] = Field(min_length=1, max_length=10_000)
    attributes: Annotated[dict[str, Any] | None, Unsupported({})] = None
    chunking_strategy: Chunking = None


class StoreFileQuery(PageQuery):
    filter: str | None = Field(default=None, pattern="^(in_progress|completed|failed|cancelled)$")


INDEX_FAILED = "The index build failed; the `job` of the vector store states the reason. Add the file again to repeat it."
INDEX_CANCELLED = "The index build was cancelled. Add the file again to repeat it."


def store_file_body(entry: Entry, principal: Principal) -> dict[str, Any]:
    """`usage_bytes` is null where the document is masked: the size would tell of what is hidden."""
    revision = entry.document.current_revision
    assert revision is not None
    error = None
    if entry.status == "failed":
        error = {
            "code": revision.error_code or "index.failed",
            "message": revision.error_message or INDEX_FAILED,
        }
    elif entry.status == "cancelled":
        error = {"code": "index.cancelled", "message": INDEX_CANCELLED}
    return {
        "id": entry.document_id,
        "object": "vector_store.file",
        "created_at": unix(entry.created_at),
        "vector_store_id": entry.knowledge_base_id,
        "status": entry.status,
        "last_error": error,
        "usage_bytes": original_size(entry.document, revision, principal),
        "attributes": {},
        "chunking_strategy": {"type": "other"},
    }


@router.post("/vector_stores/{vector_store_id}/files", summary="Add a file")
def file_add(request: HttpRequest, vector_store_id: str, payload: StoreFileBody) -> dict[str, Any]:
    knowledge_base = knowledge_base_get(vector_store_id)
    document = document_get(payload.file_id, param="file_id")
    services.documents_add(knowledge_base=knowledge_base, documents=[document], actor=actor_of(request))
    return store_file_body(entry_get(knowledge_base, payload.file_id), principal_of(request))


@router.get("/vector_stores/{vector_store_id}/files", summary="List files")
def file_list(request: HttpRequest, vector_store_id: str, query: Query[StoreFileQuery]) -> dict[str, Any]:
    rows = entry_list([knowledge_base_get(vector_store_id)])
    if query.filter:
        rows = rows.filter(status=query.filter)
    page = keyset_page(rows, after=query.after, limit=query.limit, order=query.order, key="document_id")
    return list_body(page, partial(store_file_body, principal=principal_of(request)))


@router.get("/vector_stores/{vector_store_id}/files/{file_id}", summary="Retrieve a file")
def file_retrieve(request: HttpRequest, vector_store_id: str, file_id: str) -> dict[str, Any]:
    knowledge_base = knowledge_base_get(vector_store_id)
    return store_file_body(entry_get(knowledge_base, file_id), principal_of(request))


@router.delete("/vector_stores/{vector_store_id}/files/{file_id}", summary="Remove a file")
def file_remove(request: HttpRequest, vector_store_id: str, file_id: str) -> dict[str, Any]:
    knowledge_base = knowledge_base_get(vector_store_id)
    services.document_remove(knowledge_base=knowledge_base, document_id=file_id, actor=actor_of(request))
    return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}


@router.post("/vector_stores/{vector_store_id}/file_batches", summary="Add several files at once")
def batch_create(request: HttpRequest, vector_store_id: str, payload: BatchBody) -> dict[str, Any]:
    knowledge_base = knowledge_base_get(vector_store_id)
    documents = documents_by_id(payload.file_ids, param="file_ids")
    batch = services.batch_create(knowledge_base=knowledge_base, documents=documents, actor=actor_of(request))
    return batch_body(batch)


@router.get("/vector_stores/{vector_store_id}/file_batches/{batch_id}", summary="Retrieve a batch")
def batch_retrieve(request: HttpRequest, vector_store_id: str, batch_id: str) -> dict[str, Any]:
    return batch_body(batch_get(knowledge_base_get(vector_store_id), batch_id))


def batch_body(batch: DocumentBatch) -> dict[str, Any]:
    knowledge_base = batch.knowledge_base
    entries = entry_list([knowledge_base]).filter(document__in=batch.documents.all())
    counts = status_counts(entries)[knowledge_base.id]
    return {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": unix(batch.created_at),
        "vector_store_id": knowledge_base.id,
        "status": "in_progress" if counts["in_progress"] else "completed",
        "file_counts": counts,
    }


# -- search -----------------------------------------------------------------------------------
class SearchRequest(Body):
    query: OneOrMany[str]
    """One text, or several that are searched as one."""
    max_num_results: int = Field(default=10, ge=1, le=50)
    rewrite_query: Annotated[bool | None, Unsupported(False)] = False
    filters: Annotated[dict[str, Any] | None, Unsupported()] = None
    ranking_options: Annotated[dict[str, Any] | None, Unsupported()] = None


@router.post("/vector_stores/{vector_store_id}/search", summary="Search")
def store_search(request: HttpRequest, vector_store_id: str, payload: SearchRequest) -> dict[str, Any]:
    queries = [payload.query] if isinstance(payload.query, str) else payload.query
    query = " ".join(queries).strip()
    if not 1 <= len(query) <= MAXIMUM_QUERY:
        raise InvalidRequest(
            "invalid_value",
            _("query must hold 1 to %(most)d characters.") % {"most": MAXIMUM_QUERY},
            param="query",
        )
    knowledge_base = knowledge_base_get(vector_store_id)
    hits = search(
        knowledge_base,
        query,
        limit=payload.max_num_results,
        principal=principal_of(request),
    )
    return {
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "personal_data": knowledge_base_mode(knowledge_base, principal_of(request)),
        "data": [hit_body(hit) for hit in hits],
        "has_more": False,
        "next_page": None,
    }


def hit_body(hit: SearchHit) -> dict[str, Any]:
    return {
        "file_id": hit.source.document_id,
        "filename": hit.source.document_name,
        "score": hit.score,
        "attributes": {},
        "content": [{"type": "text", "text": hit.text}],
        "personal_data": hit.personal_data,
        "source": hit.source.model_dump(mode="json"),
    }
