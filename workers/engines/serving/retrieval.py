"""Search and embeddings, with the indexes and embedding models in the model cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workers.contract.artifacts import ArtifactDamaged
from workers.contract.specs.serving import (
    MAXIMUM_INPUT,
    MAXIMUM_INPUT_TOKENS,
    EmbeddingsBody,
    SearchAnswer,
    SearchBody,
)
from workers.engines.serving.backends.protocol import Embeddings, Role, ServingBackend
from workers.engines.serving.errors import ServeError, artifact_damaged, text_too_long, too_many_tokens
from workers.engines.serving.model_cache import Lease, ModelCache
from workers.engines.serving.models import EMBEDDING_MODELS, EmbeddingModel
from workers.engines.shared.index.search import EmbeddingModelMismatch, Index
from workers.engines.shared.index.turns import Claim

PART_CHARACTERS = 2 * MAXIMUM_INPUT
"""Texts that are cut into tokens at once, which takes a fraction of a second."""
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
                        _Questions(model, Claim(body.organization, urgent=True)),
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

        def stop_if_left(_done: int = 0) -> None:
            if has_left():
                raise ServeError(499, "client_left", "The client has left.")

        choice = body.kosha
        param = "kosha.embedding_model"
        with self._embedding_model(choice.embedding_model, choice.folder_digest, param) as model:
            tokens = 0
            for start, part in _parts(body.texts):
                stop_if_left()
                tokens += self._tokens(model, part, choice.role, start)
            if tokens > MAXIMUM_INPUT_TOKENS:
                raise too_many_tokens(tokens, MAXIMUM_INPUT_TOKENS)
            claim = Claim(choice.organization)
            vectors = [
                model.embed(part, choice.role, stop_if_left, claim=claim)
                for _start, part in _parts(body.texts)
            ]
            return Embeddings(np.concatenate(vectors), tokens)

    def _tokens(self, model: EmbeddingModel, texts: Sequence[str], role: Role, start: int) -> int:
        """Of all texts together. Raises ServeError for one that the model does not read whole; the first is number
        `start` of its request."""
        counts = self.backend.token_counts(model.weights, texts, role)
        for position, count in enumerate(counts, start):
            if count > model.weights.context_length:
                raise text_too_long(position, count, model.weights.context_length)
        return sum(counts)

    def _embedding_model(self, folder: Path, digest: str | None, param: str) -> Lease[EmbeddingModel]:
        load = partial(EmbeddingModel, backend=self.backend, digest=digest)
        return self.cache.lease(EMBEDDING_MODELS, folder, load, param)


@dataclass(frozen=True)
class _Questions:
    """An embedding model for the question of a search."""

    model: EmbeddingModel
    claim: Claim

    def embed(self, texts: Sequence[str], role: Role) -> Any:
        return self.model.embed(texts, role, claim=self.claim)


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Neighbouring texts of at most PART_CHARACTERS together, each part with the position of its first."""
    start = characters = 0
    for position, text in enumerate(texts):
        if position > start and characters + len(text) > PART_CHARACTERS:
            yield start, texts[start:position]
            start, characters = position, 0
        characters += len(text)
    yield start, texts[start:]
