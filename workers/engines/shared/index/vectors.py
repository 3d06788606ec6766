"""The dense half of an index: exact up to 100,000 passages, a small-world graph (HNSW) above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

FILE = "vectors.faiss"
MASKED_FILE = "vectors-masked.faiss"
"""Of the passages with personal data, embedded as they are when masked."""
POSITIONS_FILE = "masked-positions.npy"
"""The positions of these passages, ascending."""
LARGEST_EXACT = 100_000
# With fewer allowed passages than this, comparing with each is both exact and faster than
# searching a graph whose nodes are nearly all excluded.
LARGEST_SCAN = 20_000
GRAPH_NEIGHBOURS = 32
GRAPH_SEARCH_WIDTH = 256

Vectors = NDArray[np.float32]
Positions = NDArray[np.int64]


def write_masked_vectors(folder: Path, positions: Sequence[int], vectors: Vectors) -> None:
    np.save(folder / POSITIONS_FILE, np.array(positions, dtype=np.int64), allow_pickle=False)
    write_vectors(folder, vectors, file=MASKED_FILE)


def write_vectors(
    folder: Path, vectors: Vectors, *, file: str = FILE, largest_exact: int = LARGEST_EXACT
) -> None:
    dimensions = vectors.shape[1]
    if len(vectors) <= largest_exact:
        index = faiss.IndexFlatIP(dimensions)
    else:
        index = faiss.IndexHNSWFlat(dimensions, GRAPH_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.add(np.ascontiguousarray(vectors))
    faiss.write_index(index, str(folder / file))


class VectorIndex:
    """Opened vectors of length 1; a score is the cosine."""

    def __init__(self, folder: Path, file: str = FILE) -> None:
        self._index = faiss.read_index(str(folder / file))

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
        chosen = np.zeros(len(self), dtype=bool)
        chosen[allowed] = True
        selector = faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))
        if graph:
            return faiss.SearchParametersHNSW(sel=selector, efSearch=GRAPH_SEARCH_WIDTH)
        return faiss.SearchParameters(sel=selector)


class MaskableVectors:
    """The vectors of an index, of which a search takes some as masked."""

    def __init__(self, folder: Path) -> None:
        self._raw = VectorIndex(folder)
        self.can_mask = (folder / POSITIONS_FILE).exists()
        """False where an earlier release built the index."""
        if self.can_mask:
            self._masked = VectorIndex(folder, MASKED_FILE)
            self._positions: Positions = np.load(folder / POSITIONS_FILE, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._raw)

    @property
    def dimensions(self) -> int:
        return self._raw.dimensions

    def maskable(self, positions: Positions | None = None) -> NDArray[np.bool_] | None:
        """Of every passage whether it has a masked vector and is one of `positions` (None: any); None where none is."""
        found = self._positions if positions is None else np.intersect1d(self._positions, positions)
        if not len(found):
            return None
        hidden = np.zeros(len(self), dtype=bool)
        hidden[found] = True
        return hidden

    def nearest(
        self, query: Vectors, count: int, allowed: Positions | None, hidden: NDArray[np.bool_] | None
    ) -> Positions:
        """As `VectorIndex.nearest` does, in no particular order, up to `count` raw and `count` masked ones."""
        if hidden is None:
            return self._raw.nearest(query, count, allowed)
        allowed = np.arange(len(self)) if allowed is None else allowed
        rows = self._rows(allowed[hidden[allowed]])
        masked = self._masked.nearest(query, count, None if len(rows) == len(self._positions) else rows)
        raw = self._raw.nearest(query, count, allowed[~hidden[allowed]])
        return np.union1d(raw, self._positions[masked])

    def similarity(self, query: Vectors, positions: Positions, hidden: NDArray[np.bool_] | None) -> Vectors:
        found = self._raw.similarity(query, positions)
        if hidden is not None:
            masked = hidden[positions]
            found[masked] = self._masked.similarity(query, self._rows(positions[masked]))
        return found

    def _rows(self, positions: Positions) -> Positions:
        return np.searchsorted(self._positions, positions)
