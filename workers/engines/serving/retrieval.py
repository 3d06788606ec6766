"""Search and embeddings over whatever opens an index or an embedding model.

The two openers are given from outside: serving does not know how an index is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from workers.contract.artifacts import ArtifactDamaged, verify_manifest_is, verify_model_folder
from workers.contract.specs.serving import EmbeddingsBody, SearchAnswer, SearchBody, SearchHit
from workers.engines.serving.errors import ServeError, artifact_damaged
from workers.engines.serving.shelf import Loaded, Shelf

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
        with self._shelf.lease(INDEXES, body.index, self._index_opener(body.index_sha256), "index") as index:
            folder, opener = body.embedding_model, self._embedder_opener(body.embedding_model_digest)
            folder = folder or index.embedding_model
            with self._shelf.lease(EMBEDDERS, folder, opener, "embedding_model") as embedder:
                if embedder.dimensions != index.dimensions:
                    raise ServeError(
                        400,
                        "embedding_model_mismatch",
                        "The index was built with another embedding model. Build it anew.",
                        param="embedding_model",
                    )
                hits = _search(index, embedder, body)
        return SearchAnswer(hits=tuple(hits), seconds=round(time.perf_counter() - started, 6))

    def embed(self, body: EmbeddingsBody) -> tuple[Any, int]:
        """((texts, dimensions) of float32, tokens)."""
        texts = (body.input,) if isinstance(body.input, str) else body.input
        role, opener = body.kosha.role, self._embedder_opener(body.kosha.folder_digest)
        with self._shelf.lease(
            EMBEDDERS, body.kosha.embedding_model, opener, "kosha.embedding_model"
        ) as embedder:
            return embedder.embed(texts, role), embedder.count_tokens(texts, role)

    def load_index(self, folder: Path) -> None:
        self._shelf.lease(INDEXES, folder, self._index_opener(None), "indexes").release()

    def load_embedder(self, folder: Path) -> None:
        self._shelf.lease(EMBEDDERS, folder, self._embedder_opener(None), "embedding_models").release()

    def _index_opener(self, sha256: str | None) -> Callable[[Path], IndexLike]:
        """An index verifies its files by its manifest; whether that is the right one is checked here."""

        def open_verified(folder: Path) -> IndexLike:
            verify_manifest_is(folder, sha256)
            return self._open_index(folder)

        return open_verified

    def _embedder_opener(self, digest: str | None) -> Callable[[Path], EmbedderLike]:
        def open_verified(folder: Path) -> EmbedderLike:
            verify_model_folder(folder, digest)
            return self._open_embedder(folder)

        return open_verified


def _search(index: IndexLike, embedder: EmbedderLike, body: SearchBody) -> list[SearchHit]:
    try:
        return index.search(body.query, embedder, limit=body.limit, document_ids=body.document_ids)
    except ArtifactDamaged as damage:
        raise artifact_damaged(str(damage), "index") from damage
