"""Search in a knowledge base, through the model server."""

from __future__ import annotations

from pathlib import Path

from common.errors import InvalidRequest, KoshaError, Unavailable
from common.model_server import (
    ModelServerError,
    ModelServerUnavailable,
    Passage,
    model_server,
)
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.selectors import index_folder, searchable_documents


def search(knowledge_base: KnowledgeBase, query: str, *, limit: int) -> list[Passage]:
    """Passages of the current build, best first; nothing while there is no build yet."""
    if knowledge_base.current_build is None:
        return []
    build: IndexBuild = knowledge_base.current_build
    try:
        return model_server().search(
            index_folder(build),
            query,
            limit=limit,
            document_ids=searchable_documents(build),
            embedding_model=Path(knowledge_base.embedding_model.path),
        )
    except ModelServerError as error:
        raise from_model_server(error) from error


def from_model_server(error: ModelServerError) -> KoshaError:
    """The model server's refusal as an answer of the API, with its stable code."""
    if isinstance(error, ModelServerUnavailable):
        unavailable = Unavailable(error.code, error.message)
        unavailable.retry_after_seconds = error.retry_after or Unavailable.retry_after_seconds
        return unavailable
    if error.status < 500:
        return InvalidRequest(error.code, error.message, param=error.param)
    return Unavailable(error.code, error.message)
