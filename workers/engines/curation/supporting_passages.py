"""Find for each question-answer pair the passage of the data set that best supports its answer.

BM25 over character bigrams. The pairs are few and stay in memory; the texts are many and are read twice, once to
count and once to score.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from workers.engines.shared.bm25 import inverse_document_frequency, length_norm, term_scores
from workers.engines.shared.ngrams import character_ngrams
from workers.engines.shared.text import compare_key

MINIMUM_SUPPORT = 0.25
"""Least share of the pair's bigrams, weighted by how rare they are, that its passage must hold."""

ANSWER_BONUS = 1.5
"""Factor on the score of a passage that holds one of the accepted short answers word for word."""

Texts = Callable[[], Iterable[str]]


@dataclass(frozen=True)
class PairQuery:
    question: str
    answer: str
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class SupportingPassage:
    number: int
    """Which of the texts, from 0."""
    support: float
    """Share (0 to 1) of the query's weighted bigrams found in it."""


def best_passages(queries: list[PairQuery], texts: Texts) -> list[SupportingPassage | None]:
    """The best text for each query, or None where no text supports it.

    `texts` is called twice and must return the same texts in the same order.
    """
    postings = _postings([f"{query.question}\n{query.answer}" for query in queries])
    if not postings:
        return [None] * len(queries)
    weights, average = _weights(set(postings), texts())
    possible = np.full(len(queries), 1e-9)
    """For each query the weight of all its bigrams."""
    for gram, numbers in postings.items():
        possible[numbers] += weights[gram]
    answers: list[re.Pattern[str] | None] = []
    """For each query a pattern of its short answers; 3日 is not found in 23日."""
    for query in queries:
        keys = [key for answer in query.accepted if (key := compare_key(answer))]
        parts = [("(?<![0-9,.])" if key[0].isdigit() else "") + re.escape(key) for key in keys]
        answers.append(re.compile("|".join(parts)) if parts else None)
    best_score = np.zeros(len(queries))
    best: list[SupportingPassage | None] = [None] * len(queries)
    for number, text in enumerate(texts()):
        key = compare_key(text)
        scores, found = _score(bigrams(text), postings, weights, average, len(queries))
        for index in np.flatnonzero(scores * ANSWER_BONUS > best_score):
            support = float(found[index] / possible[index])
            holds = (pattern := answers[index]) is not None and pattern.search(key) is not None
            score = scores[index] * (ANSWER_BONUS if holds else 1.0)
            if score > best_score[index] and support >= (MINIMUM_SUPPORT / 2 if holds else MINIMUM_SUPPORT):
                best_score[index] = score
                best[index] = SupportingPassage(number, support)
    return best


def bigrams(text: str) -> Counter[str]:
    return Counter(character_ngrams(compare_key(text), 2))


def _postings(queries: list[str]) -> dict[str, np.ndarray]:
    """For each bigram the numbers of the queries that hold it."""
    lists: dict[str, list[int]] = defaultdict(list)
    for number, query in enumerate(queries):
        for gram in bigrams(query):
            lists[gram].append(number)
    return {gram: np.array(numbers) for gram, numbers in lists.items()}


def _weights(grams_of_queries: set[str], texts: Iterable[str]) -> tuple[dict[str, float], float]:
    """Inverse document frequency of each bigram of the queries, and mean length."""
    frequency: Counter[str] = Counter()
    count = characters = 0
    for text in texts:
        grams = bigrams(text)
        frequency.update(grams_of_queries & grams.keys())
        characters += grams.total()
        count += 1
    weights = {gram: float(inverse_document_frequency(frequency[gram], count)) for gram in grams_of_queries}
    return weights, max(1.0, characters / max(1, count))


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
    norm = length_norm(grams.total(), average)
    sizes = [len(postings[gram]) for gram in shared]
    numbers = np.concatenate([postings[gram] for gram in shared])
    weight = np.repeat([weights[gram] for gram in shared], sizes)
    counts = np.repeat([grams[gram] for gram in shared], sizes)
    scores = np.bincount(numbers, term_scores(weight, counts, norm), minlength=queries)
    return scores, np.bincount(numbers, weight, minlength=queries)
