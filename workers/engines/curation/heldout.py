"""Decides which records are held out of training, so that nothing held out leaks into training.

Similar records form a cluster and stay on one side. Clusters are drawn in the order of a hash of their texts and the
seed, so that the same texts are held out again when the dataset grows.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection

from workers.contract.specs.curation_steps import SplitStep
from workers.engines.curation.similarity import SimilarityIndex, signature
from workers.engines.shared.text import compare_key

PERMUTATIONS = 128
TEXT_NGRAM = 5
QUESTION_NGRAM = 3
DISTINCT_ANSWER_CHARACTERS = 12
"""Shorter answers (はい, 10日) are shared by questions that have nothing to do with each other."""


class Clusters:
    """Union-find over the records of one kind, filled one record at a time and numbered from 0."""

    def __init__(self, similarity: float, ngram: int) -> None:
        self.digests: list[bytes] = []
        self._parents: list[int] = []
        self._ngram = ngram
        self._index = SimilarityIndex(similarity, PERMUTATIONS)
        self._first_with_answer: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._parents)

    def add(self, text: str) -> int:
        """Join the record with those of a similar text. Returns its number."""
        number = len(self)
        self._parents.append(number)
        self.digests.append(hashlib.sha256(compare_key(text).encode()).digest())
        minhash = signature(text, self._ngram, PERMUTATIONS)
        similar = self._index.similar(minhash)
        self._index.add(minhash)
        for other in similar:
            self._join(number, other)
        return number

    def add_pair(self, question: str, answer: str) -> None:
        """Pairs belong together if their questions are similar, or if they share an answer."""
        number = self.add(question)
        key = compare_key(answer)
        if len(key) >= DISTINCT_ANSWER_CHARACTERS:
            self._join(number, self._first_with_answer.setdefault(key, number))

    def members(self) -> list[list[int]]:
        """The numbers of the records of each cluster."""
        groups: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self)):
            groups[self._root(number)].append(number)
        return list(groups.values())

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first


def draw_heldout(
    clusters: Clusters, step: SplitStep, seed: int, share: float, *, pinned: Collection[int] = ()
) -> set[int]:
    """Numbers of the records to hold out.

    Clusters whose hash falls below `share`, then further ones in the order of their hashes until `least_heldout`
    records are reached. Never more than `most_heldout_share` of all records (unless `share` itself is larger), and
    never a cluster with a `pinned` record.
    """
    if share == 0:
        return set()
    most = int(max(step.most_heldout_share, share) * len(clusters))
    least = min(step.least_heldout, int(step.most_heldout_share * len(clusters)))
    places: list[tuple[float, list[int]]] = []
    for members in clusters.members():
        # In [0, 1), from the seed and the texts alone: where the texts come from does not count.
        first = min(clusters.digests[number] for number in members)
        digest = hashlib.sha256(str(seed).encode() + first).digest()
        places.append((int.from_bytes(digest[:8], "big") / 2**64, members))
    heldout: set[int] = set()
    for place, members in sorted(places):
        is_drawn = place < share or len(heldout) < least
        if (
            is_drawn
            and len(heldout) + len(members) <= most
            and not any(number in pinned for number in members)
        ):
            heldout.update(members)
    return heldout
