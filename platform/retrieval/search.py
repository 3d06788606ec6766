"""Search in a knowledge base, through the model server."""

from __future__ import annotations

from common.connections import release_connection
from common.model_server import Passage, model_server
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.selectors import search_index, searchable_documents

MAXIMUM_QUERY = 8192
"""Characters the model server searches for at most."""


def search(knowledge_base: KnowledgeBase, query: str, *, limit: int) -> list[Passage]:
    """Passages of the current build, best first; nothing while there is no build yet."""
    if knowledge_base.current_build is None:
        return []
    build: IndexBuild = knowledge_base.current_build
    documents = searchable_documents(build)
    index = search_index(build)
    release_connection()
    return model_server().search(index, query, limit=limit, document_ids=documents)
