"""Decides which records are held out of training, so that nothing held out leaks into training.

Similar records form a cluster and stay on one side. Clusters are drawn in the order of a hash of their texts and the
seed. Records of the version before stay where they are, also where a new record makes one cluster of two.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from workers.contract.specs.curation_steps import SplitStep
from workers.engines.curation.earlier_sides import HELDOUT, TRAIN, UNKNOWN
from workers.engines.curation.similarity import Signatures, similar_pairs
from workers.engines.shared.text import compare_key

PERMUTATIONS = 256
TEXT_NGRAM = 5
QUESTION_NGRAM = 3
DISTINCT_ANSWER_CHARACTERS = 12
"""Shorter answers (はい, 10日) are shared by questions that have nothing to do with each other."""


class Clusters:
    """Union-find over the records of one kind, filled one record at a time and numbered from 0."""

    def __init__(self, similarity: float, ngram: int) -> None:
        self.digests: list[bytes] = []
        self.sides = bytearray()
        """`UNKNOWN`, or where each record is in the version before."""
        self._similarity = similarity
        self._signatures = Signatures(ngram, PERMUTATIONS)
        self._same: list[tuple[int, int]] = []
        """Records that belong together whatever their similarity is."""
        self._first_with_answer: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._signatures)

    def add(self, text: str, side: int = UNKNOWN) -> int:
        """Returns the record's number."""
        self._signatures.add(text)
        self.sides.append(side)
        self.digests.append(hashlib.sha256(compare_key(text).encode()).digest()[:16])
        return len(self) - 1

    def add_pair(self, question: str, answer: str, side: int = UNKNOWN) -> None:
        """Pairs belong together if their questions are similar, or if they share an answer."""
        number = self.add(question, side)
        key = compare_key(answer)
        if len(key) >= DISTINCT_ANSWER_CHARACTERS:
            self._same.append((number, self._first_with_answer.setdefault(key, number)))

    def members(self) -> list[list[int]]:
        """The numbers of the records of each cluster."""
        parents = np.arange(len(self))
        for one, other in self._same:
            _join(parents, one, other)
        for one, other in similar_pairs(self._signatures.matrix(), self._similarity, parents):
            _join(parents, one, other)
        groups: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self)):
            groups[_root(parents, number)].append(number)
        return list(groups.values())


def _root(parents: NDArray[np.int64], number: int) -> int:
    while (parent := int(parents[number])) != number:
        parents[number] = parents[parent]
        number = parent
    return number


def _join(parents: NDArray[np.int64], one: int, other: int) -> None:
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first


def draw_heldout(
    clusters: Clusters, step: SplitStep, seed: int, share: float, *, pinned: Collection[int] = ()
) -> set[int]:
    """Numbers of the records to hold out.

    First those that were held out before, with what is new in their clusters. Then clusters of new records whose hash falls below
    `share`; then further ones in the order of their hashes, those known from training last, until `least_heldout` records
    are reached. Never more than `most_heldout_share` of all records (unless `share` itself is larger), and never a
    cluster with a `pinned` record; neither holds for what was held out before.
    """
    if share == 0:
        return set()
    most = int(max(step.most_heldout_share, share) * len(clusters))
    least = min(step.least_heldout, int(step.most_heldout_share * len(clusters)))
    heldout: set[int] = set()
    places: list[tuple[bool, float, list[int]]] = []
    for members in clusters.members():
        sides = {clusters.sides[number] for number in members}
        if HELDOUT in sides:
            heldout.update(number for number in members if clusters.sides[number] != TRAIN)
        else:
            places.append((TRAIN in sides, _place(clusters, members, seed), members))
    for is_known, place, members in sorted(places):
        is_drawn = (place < share and not is_known) or len(heldout) < least
        if (
            is_drawn
            and len(heldout) + len(members) <= most
            and not any(number in pinned for number in members)
        ):
            heldout.update(members)
    return heldout


def _place(clusters: Clusters, members: list[int], seed: int) -> float:
    """In [0, 1), from the seed and the texts alone: where the texts come from does not count."""
    first = min(clusters.digests[number] for number in members)
    digest = hashlib.sha256(str(seed).encode() + first).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
