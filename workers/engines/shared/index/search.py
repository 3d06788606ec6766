"""Search an index by meaning and by characters at once, and rank by how sure both are of a passage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.contract.artifacts import verify_manifest
from workers.contract.specs.serving import SearchHit
from workers.engines.shared.index.confidence import confidence
from workers.engines.shared.index.passages import PassageStore
from workers.engines.shared.index.postings import Postings
from workers.engines.shared.index.vectors import Positions, VectorIndex, Vectors
from workers.engines.shared.text import normalize

KIND = "index"
CANDIDATES = 100
"""How many passages each half of the index proposes at least; both score the union of the proposals."""


class EmbeddingModelMismatch(Exception):
    """The question was embedded by another model than the passages."""


class QueryEmbedder(Protocol):
    def embed(self, texts: Sequence[str], role: Literal["query"]) -> Vectors:
        """(len(texts), dimensions), each row of length 1."""


class Index:
    """One immutable index build, opened for reading. Thread-safe."""

    def __init__(self, folder: Path, manifest_sha256: str | None = None) -> None:
        """Verifies every file, and the manifest where its sha256 is given; raises ArtifactDamaged."""
        manifest = verify_manifest(folder, manifest_sha256)
        self.embedding_model = Path(manifest["facts"]["embedding_model"])
        self._unrelated_cosine = float(manifest["facts"]["unrelated_cosine"])
        self.bytes = sum(entry["size"] for entry in manifest["files"])
        self._passages = PassageStore(folder)
        self._vectors = VectorIndex(folder)
        self._postings = Postings(folder, len(self._vectors))

    @property
    def dimensions(self) -> int:
        return self._vectors.dimensions

    def close(self) -> None:
        self._passages.close()

    def search(
        self,
        query: str,
        embedder: QueryEmbedder,
        *,
        limit: int,
        groups: Sequence[str],
        excluded_document_ids: Sequence[str] = (),
    ) -> list[SearchHit]:
        """The best passages, best first, of those that one of `groups` may read.

        Other passages are left out of both rankings before these are cut to the best.
        """
        # Documents were normalised when they were ingested; a question is brought to the same form.
        query = normalize(query)
        vector = embedder.embed([query], "query")[0]
        return self.search_vector(
            query, vector, limit=limit, groups=groups, excluded_document_ids=excluded_document_ids
        )

    def search_vector(
        self,
        query: str,
        vector: Vectors,
        *,
        limit: int,
        groups: Sequence[str],
        excluded_document_ids: Sequence[str] = (),
    ) -> list[SearchHit]:
        """As `search`, with the question's embedding computed before. Raises EmbeddingModelMismatch."""
        if len(vector) != self.dimensions:
            raise EmbeddingModelMismatch
        allowed = self._passages.readable(groups, excluded_document_ids)
        if not len(self._vectors) or (allowed is not None and not len(allowed)):
            return []
        lexical = self._postings.scores(query)
        count = max(CANDIDATES, 2 * limit)
        candidates = np.union1d(self._vectors.nearest(vector, count, allowed), _best(lexical, count, allowed))
        dense = self._vectors.similarity(vector, candidates)
        scores = confidence(dense, self._postings.coverage(query, candidates), self._unrelated_cosine)
        order = np.argsort(-scores, kind="stable")[:limit]
        return self._hits(candidates[order], scores[order], dense[order], lexical[candidates[order]])

    def _hits(
        self, positions: Positions, scores: Vectors, dense: Vectors, lexical: Vectors
    ) -> list[SearchHit]:
        passages = self._passages.read(positions.tolist())
        return [
            SearchHit(
                chunk_id=identity,
                text=passage.text,
                source=passage.source,
                score=round(float(scores[rank]), 6),
                dense_score=round(float(dense[rank]), 6),
                lexical_score=round(float(lexical[rank]), 6),
            )
            for rank, (identity, passage) in enumerate(passages)
        ]


def _best(scores: NDArray[np.float32], count: int, allowed: Positions | None) -> Positions:
    """Positions of the highest scores above 0 among `allowed`, in no particular order."""
    positions = np.arange(len(scores)) if allowed is None else allowed
    positions = positions[scores[positions] > 0]
    if len(positions) <= count:
        return positions
    return positions[np.argpartition(-scores[positions], count)[:count]]
