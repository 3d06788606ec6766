"""Search and embeddings over whatever opens an index or an embedding model.

The two openers are given from outside: serving does not know how an index is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from workers.serving.errors import ServeError
from workers.serving.shelf import Loaded, Shelf
from workers.specs.serve import EmbeddingsBody, SearchAnswer, SearchBody, SearchHit

INDEXES, EMBEDDERS = "indexes", "embedding_models"


class EmbedderLike(Loaded, Protocol):
    dimensions: int

    def embed(self, texts: Sequence[str], role: Literal["query", "passage"]) -> Any: ...

    def count_tokens(self, texts: Sequence[str], role: Literal["query", "passage"]) -> int: ...


class IndexLike(Loaded, Protocol):
    embedding_model: Path
    dimensions: int

    def search(
        self, query: str, embedder: Any, *, limit: int, document_ids: Sequence[str] | None
    ) -> list[SearchHit]: ...


class Retrieval:
    def __init__(
        self,
        shelf: Shelf,
        open_index: Callable[[Path], IndexLike],
        open_embedder: Callable[[Path], EmbedderLike],
    ) -> None:
        self._shelf = shelf
        self._open_index = open_index
        self._open_embedder = open_embedder

    def search(self, body: SearchBody) -> SearchAnswer:
        started = time.perf_counter()
        with self._shelf.lease(INDEXES, body.index, self._open_index, "index") as index:
            folder = body.embedding_model or index.embedding_model
            with self._shelf.lease(EMBEDDERS, folder, self._open_embedder, "embedding_model") as embedder:
                if embedder.dimensions != index.dimensions:
                    raise ServeError(
                        400,
                        "embedding_model_mismatch",
                        "The index was built with another embedding model. Build it anew.",
                        param="embedding_model",
                    )
                hits = index.search(body.query, embedder, limit=body.limit, document_ids=body.document_ids)
        return SearchAnswer(hits=tuple(hits), seconds=round(time.perf_counter() - started, 6))

    def embed(self, body: EmbeddingsBody) -> tuple[Any, int]:
        """((texts, dimensions) of float32, tokens)."""
        texts = (body.input,) if isinstance(body.input, str) else body.input
        role = body.kosha.role
        with self._shelf.lease(
            EMBEDDERS, body.kosha.embedding_model, self._open_embedder, "kosha.embedding_model"
        ) as embedder:
            return embedder.embed(texts, role), embedder.count_tokens(texts, role)

    def load_index(self, folder: Path) -> None:
        self._shelf.lease(INDEXES, folder, self._open_index, "indexes").release()

    def load_embedder(self, folder: Path) -> None:
        self._shelf.lease(EMBEDDERS, folder, self._open_embedder, "embedding_models").release()
