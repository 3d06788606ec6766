"""The lexical half of an index: BM25 over characters and pairs of neighbouring characters.

Japanese has no spaces, and a tokenizer that splits at them finds nothing; characters and pairs
find more than a morphological analyser and need no dictionary.

The weights are computed when the index is built, so that a query only adds up postings. The postings
are four plain arrays, read into memory as the vectors are. A memory map would show
changes made to a file after it was verified, and a file cut short would end the process.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.engines.shared.bm25 import inverse_document_frequency, length_norm, term_scores

FILES = ("terms", "offsets", "passages", "weights")


def terms_of(text: str) -> NDArray[np.int64]:
    """Codes of the text's terms with repetitions; widths and cases are folded, spaces dropped.

    A character's code is its code point; a pair's is `first << 21 | second`.
    """
    folded = "".join(unicodedata.normalize("NFKC", text).lower().split())
    characters = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    return np.concatenate([characters, characters[:-1] << 21 | characters[1:]])


def write_postings(folder: Path, texts: Iterable[str]) -> None:
    """Write the postings of `texts` into `folder` as `bm25-*.npy`."""
    terms, passages, counts, lengths = _count(texts)
    order = np.argsort(terms, kind="stable")
    terms, passages, counts = terms[order], passages[order], counts[order]
    unique, starts, frequency = np.unique(terms, return_index=True, return_counts=True)
    idf = np.repeat(inverse_document_frequency(frequency, len(lengths)), frequency)
    norms = length_norm(lengths, max(lengths.mean(), 1.0)) if len(lengths) else lengths
    arrays = (
        unique,
        np.append(starts, len(terms)).astype(np.int64),
        passages.astype(np.int32),
        term_scores(idf, counts, norms[passages]).astype(np.float32),
    )
    for name, array in zip(FILES, arrays, strict=True):
        np.save(folder / f"bm25-{name}.npy", array, allow_pickle=False)


def _count(texts: Iterable[str]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """(term, passage, how often) for every term of every passage, and the passages' lengths."""
    terms, passages, counts, lengths = [np.empty(0, np.int64)], [np.empty(0, np.int32)], [np.empty(0)], []
    for number, text in enumerate(texts):
        codes = terms_of(text)
        unique, count = np.unique(codes, return_counts=True)
        terms.append(unique)
        passages.append(np.full(len(unique), number, np.int32))
        counts.append(count.astype(np.float32))
        lengths.append(len(codes))
    return (
        np.concatenate(terms),
        np.concatenate(passages),
        np.concatenate(counts),
        np.array(lengths, dtype=np.float64),
    )


class Postings:
    """The opened lexical half of an index of `size` passages."""

    def __init__(self, folder: Path, size: int) -> None:
        self._terms, self._offsets, self._passages, self._weights = (
            np.load(folder / f"bm25-{name}.npy", allow_pickle=False) for name in FILES
        )
        self._size = size

    def scores(self, query: str) -> NDArray[np.float32]:
        """One score for each passage, 0 where no term is shared."""
        rows = self._rows(np.unique(terms_of(query)))
        postings = [slice(*self._offsets[row : row + 2]) for row in rows[rows >= 0]]
        if not postings:
            return np.zeros(self._size, dtype=np.float32)
        passages = np.concatenate([self._passages[posting] for posting in postings])
        weights = np.concatenate([self._weights[posting] for posting in postings])
        return np.bincount(passages, weights, minlength=self._size).astype(np.float32)

    def coverage(self, query: str, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """For each of these passages the share (0 to 1) of the query's terms that it holds, the rare ones weighing
        more, and those that no passage holds the most. Terms with hiragana, as in ですか, do not count beside
        others."""
        terms = np.unique(terms_of(query))
        has_content = _has_content(terms)
        terms = terms[has_content] if has_content.any() else terms
        rows = self._rows(terms)
        frequency = np.where(rows >= 0, self._offsets[rows + 1] - self._offsets[rows], 0)
        weights = inverse_document_frequency(frequency, self._size)
        held = np.zeros(len(positions))
        for row, weight in zip(rows[rows >= 0], weights[rows >= 0], strict=True):
            held += weight * np.isin(positions, self._passages[slice(*self._offsets[row : row + 2])])
        return np.asarray(held / max(weights.sum(), 1e-9), dtype=np.float32)

    def _rows(self, terms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the postings of each term are; -1 for a term that no passage holds."""
        rows = np.searchsorted(self._terms, terms)
        known = rows < len(self._terms)
        known[known] = self._terms[rows[known]] == terms[known]
        return np.where(known, rows, -1)


def _has_content(terms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether no character of a term is hiragana or a sign."""
    first, second = terms >> 21, terms & ((1 << 21) - 1)
    return np.array(
        [
            all(_is_content(code) for code in (one, other) if code)
            for one, other in zip(first, second, strict=True)
        ],
        dtype=bool,
    )


def _is_content(code: int) -> bool:
    character = chr(code)
    return character.isalnum() and not "ぁ" <= character <= "ゟ"
