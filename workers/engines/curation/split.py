"""Decide which records are held out of training, so that nothing held out leaks into training.

Similar records form a cluster and stay on one side. A cluster's place in the draw is a hash of
its texts and the seed: the same texts are held out again when the data set grows.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from workers.contract.specs.curation_steps import SplitStep
from workers.engines.curation.similarity import SimilarityIndex, signature
from workers.engines.shared.text import compare_key

PERMUTATIONS = 128
TEXT_NGRAM = 5
QUESTION_NGRAM = 3
DISTINCT_ANSWER_CHARACTERS = 12
"""Shorter answers (はい, 10日) are shared by questions that have nothing to do with each other."""


@dataclass
class Clusters:
    """Union-find over the records of one kind, filled one record at a time."""

    similarity: float
    parents: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    _indexes: dict[str, SimilarityIndex] = field(default_factory=dict)
    _equal: dict[str, int] = field(default_factory=dict)

    def add_text(self, text: str) -> None:
        self._begin(text)
        self._join_similar("text", text, TEXT_NGRAM)

    def add_pair(self, question: str, answer: str) -> None:
        """Pairs belong together if their questions are alike, or if they share an answer."""
        number = self._begin(question)
        self._join_similar("question", question, QUESTION_NGRAM)
        key = compare_key(answer)
        if len(key) >= DISTINCT_ANSWER_CHARACTERS:
            self._union(number, self._equal.setdefault(key, number))

    def members(self) -> list[list[int]]:
        groups: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self.parents)):
            groups[self._root(number)].append(number)
        return list(groups.values())

    def _begin(self, text: str) -> int:
        self.parents.append(len(self.parents))
        self.digests.append(hashlib.sha256(compare_key(text).encode()).digest())
        return len(self.parents) - 1

    def _join_similar(self, name: str, text: str, ngram: int) -> None:
        index = self._indexes.setdefault(name, SimilarityIndex(self.similarity, PERMUTATIONS))
        minhash = signature(text, ngram, PERMUTATIONS)
        similar = index.similar(minhash)
        number = index.add(minhash)
        for other in similar:
            self._union(number, other)

    def _root(self, number: int) -> int:
        while self.parents[number] != number:
            self.parents[number] = self.parents[self.parents[number]]
            number = self.parents[number]
        return number

    def _union(self, one: int, other: int) -> None:
        roots = sorted((self._root(one), self._root(other)))
        self.parents[roots[1]] = roots[0]


def draw_heldout(
    clusters: Clusters, step: SplitStep, seed: int, share: float, *, pinned: Collection[int] = ()
) -> set[int]:
    """Numbers of the records to hold out.

    Clusters whose hash falls below `share`, then further ones in the order of their hashes until
    `least_heldout` records are reached; never more than `most_heldout_share` of all records (unless
    `share` itself asks for more), and never a cluster with a `pinned` record.
    """
    if share == 0:
        return set()
    total = len(clusters.parents)
    most = int(max(step.most_heldout_share, share) * total)
    least = min(step.least_heldout, int(step.most_heldout_share * total))
    heldout: set[int] = set()
    for place, members in sorted(
        (_place(clusters, members, seed), members) for members in clusters.members()
    ):
        wanted = place < share or len(heldout) < least
        if wanted and len(heldout) + len(members) <= most and not any(number in pinned for number in members):
            heldout.update(members)
    return heldout


def _place(clusters: Clusters, members: list[int], seed: int) -> float:
    """In [0, 1), from the seed and the texts alone, not from where they came from."""
    first = min(clusters.digests[number] for number in members)
    digest = hashlib.sha256(str(seed).encode() + first).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
