"""The dense half of an index: exact up to 100,000 passages, a small-world graph (HNSW) above."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

FILE = "vectors.faiss"
LARGEST_EXACT = 100_000
# With fewer allowed passages than this, comparing with each is both exact and faster than
# searching a graph whose nodes are nearly all excluded.
LARGEST_SCAN = 20_000
GRAPH_NEIGHBOURS = 32
GRAPH_SEARCH_WIDTH = 256

Vectors = NDArray[np.float32]
Positions = NDArray[np.int64]


def write_vectors(folder: Path, vectors: Vectors, *, largest_exact: int = LARGEST_EXACT) -> None:
    dimensions = vectors.shape[1]
    if len(vectors) <= largest_exact:
        index = faiss.IndexFlatIP(dimensions)
    else:
        index = faiss.IndexHNSWFlat(dimensions, GRAPH_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.add(np.ascontiguousarray(vectors))
    faiss.write_index(index, str(folder / FILE))


class VectorIndex:
    """Opened vectors of length 1; a score is the cosine."""

    def __init__(self, folder: Path) -> None:
        self._index = faiss.read_index(str(folder / FILE))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        return int(self._index.d)

    def nearest(self, query: Vectors, count: int, allowed: Positions | None = None) -> Positions:
        """Positions of the `count` most similar vectors, best first, among `allowed` only."""
        if allowed is not None and len(allowed) <= LARGEST_SCAN:
            best = np.argsort(-self.similarity(query, allowed), kind="stable")[:count]
            return allowed[best]
        _, found = self._index.search(query[None, :], min(count, len(self)), params=self._parameters(allowed))
        return found[0][found[0] >= 0]

    def similarity(self, query: Vectors, positions: Positions) -> Vectors:
        """Exact cosine of the query with each of these vectors."""
        return self.vectors(positions) @ query

    def vectors(self, positions: Positions) -> Vectors:
        if not len(positions):
            return np.empty((0, self.dimensions), dtype=np.float32)
        return self._index.reconstruct_batch(np.ascontiguousarray(positions, dtype=np.int64))

    def _parameters(self, allowed: Positions | None) -> faiss.SearchParameters | None:
        graph = isinstance(self._index, faiss.IndexHNSW)
        if allowed is None:
            return faiss.SearchParametersHNSW(efSearch=GRAPH_SEARCH_WIDTH) if graph else None
        selector = faiss.IDSelectorBatch(allowed)
        if graph:
            return faiss.SearchParametersHNSW(sel=selector, efSearch=GRAPH_SEARCH_WIDTH)
        return faiss.SearchParameters(sel=selector)
