"""Search and embeddings, with the indexes and embedding models in the model cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workers.contract.artifacts import ArtifactDamaged
from workers.contract.specs.serving import EmbeddingsBody, SearchAnswer, SearchBody
from workers.engines.serving.backends.protocol import Embeddings, ServingBackend
from workers.engines.serving.errors import ServeError, artifact_damaged, text_too_long, too_many_tokens
from workers.engines.serving.model_cache import Lease, ModelCache
from workers.engines.serving.models import EMBEDDING_MODELS, EmbeddingModel
from workers.engines.shared.index.search import EmbeddingModelMismatch, Index

MAX_TOKENS_PER_REQUEST = 300_000
"""As OpenAI limits a request for embeddings."""
INDEXES = "indexes"
"""Kind in the model cache and in the answer to /health."""


@dataclass(frozen=True)
class Retrieval:
    cache: ModelCache
    backend: ServingBackend

    def search(self, body: SearchBody) -> SearchAnswer:
        started = time.perf_counter()
        open_index = partial(Index, manifest_sha256=body.index_sha256)
        with self.cache.lease(INDEXES, body.index, open_index, "index") as index:
            folder = body.embedding_model or index.embedding_model
            with self._embedding_model(folder, body.embedding_model_digest, "embedding_model") as model:
                try:
                    hits = index.search(
                        body.query,
                        model,
                        limit=body.limit,
                        groups=body.groups,
                        excluded_document_ids=body.excluded_document_ids,
                        personal_data=body.personal_data,
                        masked_document_ids=body.masked_document_ids,
                    )
                except EmbeddingModelMismatch as error:
                    raise ServeError(
                        400,
                        "embedding_model_mismatch",
                        "The index was built with another embedding model. Build it again.",
                        param="embedding_model",
                    ) from error
                except ArtifactDamaged as damage:
                    raise artifact_damaged(str(damage), "index") from damage
        return SearchAnswer(hits=tuple(hits), seconds=round(time.perf_counter() - started, 6))

    def embed(self, body: EmbeddingsBody, has_left: Callable[[], bool] = lambda: False) -> Embeddings:
        """Ends between two batches once the client has left."""

        def progress(_done: int) -> None:
            if has_left():
                raise ServeError(499, "client_left", "The client has left.")

        texts = (body.input,) if isinstance(body.input, str) else body.input
        choice = body.kosha
        param = "kosha.embedding_model"
        with self._embedding_model(choice.embedding_model, choice.folder_digest, param) as model:
            tokens = self.backend.token_counts(model.weights, texts, choice.role)
            for position, count in enumerate(tokens):
                if count > model.weights.context_length:
                    raise text_too_long(position, count, model.weights.context_length)
            if sum(tokens) > MAX_TOKENS_PER_REQUEST:
                raise too_many_tokens(sum(tokens), MAX_TOKENS_PER_REQUEST)
            return Embeddings(model.embed(texts, choice.role, progress), sum(tokens))

    def _embedding_model(self, folder: Path, digest: str | None, param: str) -> Lease[EmbeddingModel]:
        load = partial(EmbeddingModel, backend=self.backend, digest=digest)
        return self.cache.lease(EMBEDDING_MODELS, folder, load, param)
