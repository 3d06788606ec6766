"""MinHash signatures over character n-grams, and the clusters of similar texts among many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from workers.engines.shared.ngrams import character_ngrams
from workers.engines.shared.text import compare_key

SEED = 20_240_401
"""Of the hash functions: part of what makes two runs of a recipe equal."""
RECALL = 0.98
LEAST_ROWS = 4
"""Of a band. With fewer, texts that have nothing in common meet in the bands, and the work grows with their square."""
_BATCH = 1024
_PAIRS = 65_536
_Numbers = NDArray[np.int64]


def signature(text: str, ngram: int, permutations: int) -> RMinHash:
    minhash = RMinHash(num_perm=permutations, seed=SEED)
    minhash.update(_grams(text, ngram))
    return minhash


def _grams(text: str, ngram: int) -> list[str]:
    """Spaces and case do not count. A text shorter than one n-gram is its own only n-gram."""
    key = compare_key(text)
    return character_ngrams(key, ngram) or [key]


def bands_for(threshold: float, permutations: int) -> int:
    """Fewest bands that still bring a pair at the threshold together with probability `RECALL`, each of `LEAST_ROWS` at least.

    With b bands of r rows that probability is 1 - (1 - s^r)^b (Leskovec et al., Mining of Massive
    Datasets, 3.4.2). Fewer bands mean fewer candidates to compare.
    """
    possible = [bands for bands in range(1, permutations // LEAST_ROWS + 1) if permutations % bands == 0]
    for bands in possible:
        if 1 - (1 - threshold ** (permutations // bands)) ** bands >= RECALL:
            return bands
    return possible[-1]


class Signatures:
    """The signatures of many texts, two bytes for each hash function, in a file without a name."""

    def __init__(self, ngram: int, permutations: int) -> None:
        self._ngram, self._permutations = ngram, permutations
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with this object, or with the process
        self._waiting: list[list[str]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> None:
        self._waiting.append(_grams(text, self._ngram))
        self._count += 1
        if len(self._waiting) == _BATCH:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            matrix = RMinHash.digest_matrix_from_token_sets(self._waiting, self._permutations, SEED)
            np.array(matrix.to_rows(), dtype=np.uint32).astype(np.uint16).tofile(self._file)
            self._waiting = []

    def matrix(self) -> NDArray[np.uint16]:
        """Of shape (texts, permutations), read from the file as it is used."""
        self._write()
        self._file.flush()
        shape = (self._count, self._permutations)
        return (
            np.memmap(self._file, np.uint16, "r", shape=shape) if self._count else np.empty(shape, np.uint16)
        )


def similar_pairs(matrix: NDArray[np.uint16], threshold: float, roots: _Numbers) -> Iterator[tuple[int, int]]:
    """Pairs of texts that are similar, enough of them to join what belongs together.

    In each band a text is compared with the one before it and the first one of those whose band is equal. `roots` says to which
    cluster each text belongs and may change between two pairs; texts of one cluster are not compared again.
    """
    permutations = matrix.shape[1]
    bands = bands_for(threshold, permutations)
    rows = permutations // bands
    for band in range(bands):
        keys = _band_keys(matrix[:, band * rows : (band + 1) * rows])
        order = np.argsort(keys, kind="stable")
        is_next = keys[order[1:]] == keys[order[:-1]]
        places = np.flatnonzero(is_next)
        firsts = _firsts(is_next)[places]
        later, before, first = order[places + 1], order[places], order[firsts]
        for others in (before, first):
            yield from _reaching(matrix, threshold, roots, others, later)


def _band_keys(columns: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """One number for the hashes of a band: equal bands have equal numbers."""
    keys = np.zeros(len(columns), dtype=np.uint64)
    for column in columns.T:
        keys = (keys ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def _firsts(is_next: NDArray[np.bool_]) -> _Numbers:
    """For each place the first place of its run of equal keys."""
    begins = np.arange(len(is_next))
    begins[1:][is_next[:-1]] = 0
    return np.maximum.accumulate(begins) if len(begins) else begins


def _reaching(
    matrix: NDArray[np.uint16], threshold: float, roots: _Numbers, ones: _Numbers, others: _Numbers
) -> Iterator[tuple[int, int]]:
    apart = roots[ones] != roots[others]
    ones, others = ones[apart], others[apart]
    for start in range(0, len(ones), _PAIRS):
        one, other = ones[start : start + _PAIRS], others[start : start + _PAIRS]
        is_similar = (matrix[one] == matrix[other]).mean(axis=1) >= threshold
        yield from zip(one[is_similar].tolist(), other[is_similar].tolist(), strict=True)
