"""Search and embeddings, with the indexes and embedding models in the model cache."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workers.contract.artifacts import ArtifactDamaged
from workers.contract.specs.serving import EmbeddingsBody, SearchAnswer, SearchBody
from workers.engines.serving.backends.protocol import Embeddings, ServingBackend
from workers.engines.serving.errors import ServeError, artifact_damaged, text_too_long
from workers.engines.serving.model_cache import Lease, ModelCache
from workers.engines.serving.models import EMBEDDING_MODELS, EmbeddingModel
from workers.engines.shared.index.search import EmbeddingModelMismatch, Index

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

    def embed(self, body: EmbeddingsBody) -> Embeddings:
        texts = (body.input,) if isinstance(body.input, str) else body.input
        choice = body.kosha
        param = "kosha.embedding_model"
        with self._embedding_model(choice.embedding_model, choice.folder_digest, param) as model:
            tokens = self.backend.token_counts(model.weights, texts, choice.role)
            for position, count in enumerate(tokens):
                if count > model.weights.context_length:
                    raise text_too_long(position, count, model.weights.context_length)
            return Embeddings(model.embed(texts, choice.role), sum(tokens))

    def _embedding_model(self, folder: Path, digest: str | None, param: str) -> Lease[EmbeddingModel]:
        load = partial(EmbeddingModel, backend=self.backend, digest=digest)
        return self.cache.lease(EMBEDDING_MODELS, folder, load, param)
