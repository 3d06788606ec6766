"""Find for each question-answer pair the passage of the data set that best supports its answer.

BM25 over character bigrams, turned around: the pairs are few and stay in memory, the texts are many
and stream past twice (once to count, once to score).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from workers.text import compare_key

K1 = 1.2
B = 0.75
MINIMUM_SUPPORT = 0.3
"""Least share of the pair's bigrams, weighted by how rare they are, that its passage must hold."""

Texts = Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Passage:
    number: int
    """Which of the texts, from 0."""
    support: float
    """Share (0 to 1) of the query's weighted bigrams found in it."""


def best_passages(queries: list[str], texts: Texts) -> list[Passage | None]:
    """The best text for each query, or None where nothing supports it.

    `texts` is called twice and must give the same texts in the same order.
    """
    postings = _postings(queries)
    if not postings:
        return [None] * len(queries)
    weights, average = _weights(set(postings), texts())
    possible = _possible(queries, postings, weights)
    best_score = np.zeros(len(queries))
    best: list[Passage | None] = [None] * len(queries)
    for number, text in enumerate(texts()):
        scores, found = _score(bigrams(text), postings, weights, average, len(queries))
        for query in np.flatnonzero(scores > best_score):
            best_score[query] = scores[query]
            best[query] = Passage(number, float(found[query] / possible[query]))
    return [passage if passage and passage.support >= MINIMUM_SUPPORT else None for passage in best]


def bigrams(text: str) -> Counter[str]:
    key = compare_key(text)
    return Counter(key[start : start + 2] for start in range(len(key) - 1))


def _postings(queries: list[str]) -> dict[str, np.ndarray]:
    """For each bigram the numbers of the queries that hold it."""
    lists: dict[str, list[int]] = defaultdict(list)
    for number, query in enumerate(queries):
        for gram in bigrams(query):
            lists[gram].append(number)
    return {gram: np.array(numbers) for gram, numbers in lists.items()}


def _weights(wanted: set[str], texts: Iterable[str]) -> tuple[dict[str, float], float]:
    """Inverse document frequency of each wanted bigram (Robertson's, plus one), and mean length."""
    frequency: Counter[str] = Counter()
    count = characters = 0
    for text in texts:
        grams = bigrams(text)
        frequency.update(wanted & grams.keys())
        characters += grams.total()
        count += 1
    weights = {
        gram: math.log(1 + (count - frequency[gram] + 0.5) / (frequency[gram] + 0.5)) for gram in wanted
    }
    return weights, max(1.0, characters / max(1, count))


def _possible(queries: list[str], postings: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    total = np.full(len(queries), 1e-9)
    for gram, numbers in postings.items():
        total[numbers] += weights[gram]
    return total


def _score(
    grams: Counter[str],
    postings: dict[str, np.ndarray],
    weights: dict[str, float],
    average: float,
    queries: int,
) -> tuple[np.ndarray, np.ndarray]:
    """BM25 of one text for every query, and the weight of the query's bigrams found in it."""
    shared = [gram for gram in grams if gram in postings]
    if not shared:
        return np.zeros(queries), np.zeros(queries)
    norm = K1 * (1 - B + B * grams.total() / average)
    sizes = [len(postings[gram]) for gram in shared]
    numbers = np.concatenate([postings[gram] for gram in shared])
    weight = np.repeat([weights[gram] for gram in shared], sizes)
    counts = np.repeat([grams[gram] for gram in shared], sizes)
    scores = np.bincount(numbers, weight * counts * (K1 + 1) / (counts + norm), minlength=queries)
    return scores, np.bincount(numbers, weight, minlength=queries)
