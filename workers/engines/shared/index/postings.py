"""The lexical half of an index: BM25 over characters and pairs of neighbouring characters.

Japanese has no spaces, and a tokenizer that splits at them finds nothing; characters and pairs
find more than a morphological analyser and need no dictionary.

The weights are computed when the index is built, so that a query only adds up postings. The postings
are four plain arrays, and four more of the masked form of the passages that have personal data, read into memory as the vectors are. A memory map would show
changes made to a file after it was verified, and a file cut short would end the process.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.engines.shared.bm25 import inverse_document_frequency, length_norm, term_scores

RAW, MASKED = "bm25", "bm25-masked"
FREQUENCIES = "bm25-masked-frequencies.npy"
"""Of the raw terms, where every passage is masked."""


def terms_of(text: str) -> NDArray[np.int64]:
    """Codes of the text's terms with repetitions; widths and cases are folded, spaces dropped.

    A character's code is its code point; a pair's is `first << 21 | second`.
    """
    folded = "".join(unicodedata.normalize("NFKC", text).lower().split())
    characters = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    return np.concatenate([characters, characters[:-1] << 21 | characters[1:]])


class Counts(NamedTuple):
    """Every term of every text once: the term, the position of its text, and how often it stands there."""

    terms: NDArray[np.int64]
    passages: NDArray[np.int32]
    counts: NDArray[np.float32]
    lengths: NDArray[np.float64]
    """Of each text, in terms."""


class Arrays(NamedTuple):
    """Terms in order; their passages, and what they add to the scores of these, one after the other."""

    terms: NDArray[np.int64]
    offsets: NDArray[np.int64]
    """Where the passages of each term begin; one more than there are terms."""
    passages: NDArray[np.int32]
    weights: NDArray[np.float32]

    def rows(self, terms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the passages of each term are; -1 for a term that no passage holds."""
        rows = np.searchsorted(self.terms, terms)
        known = rows < len(self.terms)
        known[known] = self.terms[rows[known]] == terms[known]
        return np.where(known, rows, -1)

    def frequency(self, terms: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many passages hold each term."""
        rows = self.rows(terms)
        return np.where(rows >= 0, self.offsets[rows + 1] - self.offsets[rows], 0)

    def holding(self, term: int) -> NDArray[np.int32]:
        (row,) = self.rows(np.array([term]))
        return self.passages[slice(*self.offsets[row : row + 2])] if row >= 0 else self.passages[:0]

    def sums(
        self, terms: NDArray[np.int64], size: int, factors: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """Of each of `size` passages the weights of these terms; `factors`: what each term's weights are multiplied by."""
        rows = self.rows(terms)
        known = rows >= 0
        postings = [slice(*self.offsets[row : row + 2]) for row in rows[known]]
        if not postings:
            return np.zeros(size, dtype=np.float32)
        passages = np.concatenate([self.passages[posting] for posting in postings])
        weights = np.concatenate([self.weights[posting] for posting in postings])
        if factors is not None:
            weights = weights * np.repeat(factors[known], [part.stop - part.start for part in postings])
        return np.bincount(passages, weights, minlength=size).astype(np.float32)


def write_postings(folder: Path, texts: Iterable[str], masked: Mapping[int, str] | None = None) -> None:
    """Write the postings of `texts`, and of the masked form of some of them, by position, into `folder` as `bm25-*.npy`."""
    raw = _count(texts)
    size, mean = len(raw.lengths), max(raw.lengths.mean(), 1.0) if len(raw.lengths) else 1.0
    terms, frequency = np.unique(raw.terms, return_counts=True)
    _save(folder, RAW, _arrays(raw, frequency, size, mean))
    positions = np.array(sorted(masked or {}), dtype=np.int32)
    hidden = _count([(masked or {})[position] for position in positions.tolist()])
    hidden = hidden._replace(passages=positions[hidden.passages])
    # A term's frequency where every text is masked: it must not tell what stands in the hidden text.
    visible = raw.terms[~np.isin(raw.passages, positions)]
    counted = Arrays(*_counted(np.concatenate([visible, hidden.terms])), raw.passages[:0], raw.counts[:0])
    _save(folder, MASKED, _arrays(hidden, counted.frequency(np.unique(hidden.terms)), size, mean, positions))
    np.save(folder / FREQUENCIES, counted.frequency(terms), allow_pickle=False)


def _counted(terms: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    unique, counts = np.unique(terms, return_counts=True)
    return unique, np.append(0, np.cumsum(counts)).astype(np.int64)


def _arrays(
    found: Counts,
    frequency: NDArray[np.int64],
    size: int,
    mean: float,
    positions: NDArray[np.int32] | None = None,
) -> Arrays:
    """`frequency`: of each of the terms in order, among `size` texts with `mean` terms; `positions`: of the texts."""
    order = np.argsort(found.terms, kind="stable")
    passages = found.passages[order]
    unique, offsets = _counted(found.terms)
    rows = passages if positions is None else np.searchsorted(positions, passages)
    norms = length_norm(found.lengths, mean)[rows]
    idf = np.repeat(inverse_document_frequency(frequency, size), np.diff(offsets))
    weights = term_scores(idf, found.counts[order], norms).astype(np.float32)
    return Arrays(unique, offsets, passages.astype(np.int32), weights)


def _save(folder: Path, prefix: str, arrays: Arrays) -> None:
    for name, array in zip(Arrays._fields, arrays, strict=True):
        np.save(folder / f"{prefix}-{name}.npy", array, allow_pickle=False)


def _load(folder: Path, prefix: str) -> Arrays:
    return Arrays(*(np.load(folder / f"{prefix}-{name}.npy", allow_pickle=False) for name in Arrays._fields))


def _count(texts: Iterable[str]) -> Counts:
    terms, passages, counts, lengths = [np.empty(0, np.int64)], [np.empty(0, np.int32)], [np.empty(0)], []
    for number, text in enumerate(texts):
        codes = terms_of(text)
        unique, count = np.unique(codes, return_counts=True)
        terms.append(unique)
        passages.append(np.full(len(unique), number, np.int32))
        counts.append(count.astype(np.float32))
        lengths.append(len(codes))
    return Counts(
        np.concatenate(terms),
        np.concatenate(passages),
        np.concatenate(counts),
        np.array(lengths, dtype=np.float64),
    )


class Postings:
    """The opened lexical half of an index of `size` passages.

    `hidden` of a search says which passages count as masked. Their own terms and the frequencies of all terms are then those
    of the masked texts, so that no score depends on what is hidden.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._raw = _load(folder, RAW)
        self._size = size
        if (folder / FREQUENCIES).exists():
            self._masked = _load(folder, MASKED)
            self._masked_frequencies = np.load(folder / FREQUENCIES, allow_pickle=False)

    def scores(self, query: str, hidden: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """One score for each passage, 0 where no term is shared."""
        terms = np.unique(terms_of(query))
        if hidden is None:
            return self._raw.sums(terms, self._size)
        idf, idf_masked = (
            inverse_document_frequency(frequency, self._size)
            for frequency in (self._raw.frequency(terms), self._frequency(terms, hidden))
        )
        visible = self._raw.sums(terms, self._size, idf_masked / idf)
        return np.where(hidden, self._masked.sums(terms, self._size), visible)

    def coverage(
        self, query: str, positions: NDArray[np.int64], hidden: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """For each of these passages the share (0 to 1) of the query's terms that it holds, the rare ones weighing
        more, and those that no passage holds the most. Terms with hiragana, as in ですか, do not count beside
        others."""
        terms = np.unique(terms_of(query))
        has_content = _has_content(terms)
        terms = terms[has_content] if has_content.any() else terms
        weights = inverse_document_frequency(self._frequency(terms, hidden), self._size)
        held = np.zeros(len(positions))
        for term, weight in zip(terms, weights, strict=True):
            held += weight * self._is_held(term, positions, hidden)
        return np.asarray(held / max(weights.sum(), 1e-9), dtype=np.float32)

    def _is_held(
        self, term: int, positions: NDArray[np.int64], hidden: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        held = np.isin(positions, self._raw.holding(term))
        if hidden is None:
            return held
        return np.where(hidden[positions], np.isin(positions, self._masked.holding(term)), held)

    def _frequency(self, terms: NDArray[np.int64], hidden: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        if hidden is None:
            return self._raw.frequency(terms)
        rows = self._raw.rows(terms)
        # A term that no raw text holds stands in masked ones alone.
        known = rows >= 0
        found = self._masked.frequency(terms)
        found[known] = self._masked_frequencies[rows[known]]
        return found


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
