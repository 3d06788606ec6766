"""MinHash signatures over character n-grams, and an index that finds similar ones."""

from __future__ import annotations

from rensa import RMinHash, RMinHashLSH

from workers.engines.shared.ngrams import character_ngrams
from workers.engines.shared.text import compare_key

SEED = 20_240_401
"""Of the hash functions: part of what makes two runs of a recipe equal."""
RECALL = 0.99


def signature(text: str, ngram: int, permutations: int) -> RMinHash:
    """Spaces and case do not count. A text shorter than one n-gram is its own only n-gram."""
    key = compare_key(text)
    grams = character_ngrams(key, ngram) or [key]
    minhash = RMinHash(num_perm=permutations, seed=SEED)
    minhash.update(grams)
    return minhash


class SimilarityIndex:
    """Finds earlier signatures whose estimated Jaccard similarity reaches the threshold."""

    def __init__(self, threshold: float, permutations: int) -> None:
        self._threshold = threshold
        bands = bands_for(threshold, permutations)
        self._lsh = RMinHashLSH(threshold=threshold, num_perm=permutations, num_bands=bands)
        self._signatures: list[RMinHash] = []

    def similar(self, minhash: RMinHash) -> list[int]:
        """Numbers of the similar ones, in the order they were added."""
        candidates = sorted(set(self._lsh.query(minhash)))
        return [
            number for number in candidates if self._signatures[number].jaccard(minhash) >= self._threshold
        ]

    def add(self, minhash: RMinHash) -> int:
        number = len(self._signatures)
        self._signatures.append(minhash)
        self._lsh.insert(number, minhash)
        return number


def bands_for(threshold: float, permutations: int) -> int:
    """Fewest bands that still bring a pair at the threshold together with 99% probability.

    With b bands of r rows that probability is 1 - (1 - s^r)^b (Leskovec et al., Mining of Massive
    Datasets, 3.4.2). Fewer bands mean fewer candidates to compare.
    """
    for bands in range(1, permutations + 1):
        if permutations % bands == 0 and 1 - (1 - threshold ** (permutations // bands)) ** bands >= RECALL:
            return bands
    return permutations
