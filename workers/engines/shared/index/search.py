"""Search an index by meaning and by characters at once, and rank by how sure both are of a passage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.contract.artifacts import ArtifactDamaged, verify_manifest
from workers.contract.personal_data import PersonalDataMode
from workers.contract.specs.serving import SearchHit
from workers.engines.shared.index.confidence import confidence
from workers.engines.shared.index.passages import FILE, Passage, PassageStore
from workers.engines.shared.index.postings import Postings
from workers.engines.shared.index.vectors import MaskableVectors, Positions, Vectors
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
        self._folder = folder
        self.embedding_model = Path(manifest["facts"]["embedding_model"])
        self._unrelated_cosine = float(manifest["facts"]["unrelated_cosine"])
        self.bytes = sum(entry["size"] for entry in manifest["files"])
        self._passages = PassageStore(folder)
        self._vectors = MaskableVectors(folder)
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
        personal_data: PersonalDataMode = "masked",
        masked_document_ids: Sequence[str] = (),
    ) -> list[SearchHit]:
        """The best passages, best first, of those that one of `groups` may read.

        Other passages are left out of both rankings before these are cut to the best. `personal_data` says how
        their text is given out; `masked_document_ids` are masked in any case. What is masked is also ranked by its
        masked text. Raises ArtifactDamaged, also where masked text is asked for and an earlier release built the index.
        """
        # Documents were normalised when they were ingested; a question is brought to the same form.
        query = normalize(query)
        vector = embedder.embed([query], "query")[0]
        return self.search_vector(
            query,
            vector,
            limit=limit,
            groups=groups,
            excluded_document_ids=excluded_document_ids,
            personal_data=personal_data,
            masked_document_ids=masked_document_ids,
        )

    def search_vector(
        self,
        query: str,
        vector: Vectors,
        *,
        limit: int,
        groups: Sequence[str],
        excluded_document_ids: Sequence[str] = (),
        personal_data: PersonalDataMode = "masked",
        masked_document_ids: Sequence[str] = (),
    ) -> list[SearchHit]:
        """As `search`, with the question's embedding computed before. Raises EmbeddingModelMismatch."""
        if len(vector) != self.dimensions:
            raise EmbeddingModelMismatch
        allowed = self._passages.readable(groups, excluded_document_ids)
        if not len(self._vectors) or (allowed is not None and not len(allowed)):
            return []
        hidden = self._hidden(personal_data, masked_document_ids)
        lexical = self._postings.scores(query, hidden)
        count = max(CANDIDATES, 2 * limit)
        nearest = self._vectors.nearest(vector, count, allowed, hidden)
        candidates = np.union1d(nearest, _best(lexical, count, allowed))
        dense = self._vectors.similarity(vector, candidates, hidden)
        coverage = self._postings.coverage(query, candidates, hidden)
        scores = confidence(dense, coverage, self._unrelated_cosine)
        order = np.argsort(-scores, kind="stable")[:limit]
        chosen = candidates[order]
        found = self._passages.read(chosen.tolist())
        return [
            SearchHit(
                chunk_id=identity,
                score=round(float(scores[order[rank]]), 6),
                dense_score=round(float(dense[order[rank]]), 6),
                lexical_score=round(float(lexical[chosen[rank]]), 6),
                **_leaving(
                    passage,
                    "masked" if passage.source.document_id in masked_document_ids else personal_data,
                ),
            )
            for rank, (identity, passage) in enumerate(found)
        ]

    def _hidden(self, mode: PersonalDataMode, masked_document_ids: Sequence[str]) -> NDArray[np.bool_] | None:
        """Which passages are ranked as masked; None: no one."""
        if mode == "raw" and not masked_document_ids:
            return None
        if not self._vectors.can_mask:
            why = "was built by a release that ranked masked passages by what they hide"
            raise ArtifactDamaged(self._folder, FILE, why)
        return self._vectors.maskable(
            None if mode == "masked" else self._passages.of_documents(masked_document_ids)
        )


def _leaving(passage: Passage, mode: PersonalDataMode) -> dict[str, Any]:
    """What of a passage comes out of its document, as it leaves the index: the only place where it does."""
    if mode == "masked":
        return {"text": passage.masked_text, "source": passage.masked_source, "personal_data": mode}
    return {
        "text": passage.text,
        "source": passage.source,
        "personal_data": mode,
        "spans": passage.personal_data or (),
        "label_has_personal_data": passage.masked_label not in (None, passage.source.label),
    }


def _best(scores: NDArray[np.float32], count: int, allowed: Positions | None) -> Positions:
    """Positions of the highest scores above 0 among `allowed`, in no particular order."""
    positions = np.arange(len(scores)) if allowed is None else allowed
    positions = positions[scores[positions] > 0]
    if len(positions) <= count:
        return positions
    return positions[np.argpartition(-scores[positions], count)[:count]]
