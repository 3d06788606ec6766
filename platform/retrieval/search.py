"""Search in a knowledge base, through the model server."""

from __future__ import annotations

from accounts.principal import Principal
from common.connections import release_connection
from common.model_server import model_server
from retrieval.models import IndexBuild, KnowledgeBase
from retrieval.selectors import search_index
from workers.contract.specs.serving import SearchHit

MAXIMUM_QUERY = 8192
"""Longest query of the model server, in characters."""


def search(knowledge_base: KnowledgeBase, query: str, *, limit: int, principal: Principal) -> list[SearchHit]:
    """Passages of the current build, best first; nothing while there is no build yet."""
    build: IndexBuild | None = knowledge_base.current_build
    if build is None:
        return []
    build.knowledge_base = knowledge_base
    index = search_index(build, principal)
    release_connection()
    return model_server().search(index, query, limit=limit)
