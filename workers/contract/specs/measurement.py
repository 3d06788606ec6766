"""From what was observed for each item to figures with intervals: pure arithmetic, no library.

The evaluate engine and the platform use the same functions, so a figure that is shown can always be
computed again from the items that lie beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from workers.contract.specs.base import Spec

Metric = Literal["bits_per_character", "open_book_accuracy", "closed_book_accuracy"]
Book = Literal["open", "closed"]
METRIC_OF_BOOK: dict[Book, Metric] = {"open": "open_book_accuracy", "closed": "closed_book_accuracy"}


class Bootstrap(Spec):
    """How intervals are estimated: resample the items many times and take the middle of the results."""

    samples: int = Field(default=1000, ge=100, le=100_000)
    """How often the items are drawn anew."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """The same seed and items give the same interval."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """The share of the results that the interval holds."""


class TextItem(Spec):
    """One held-out text and how many bits each model needs to write it."""

    type: Literal["text"] = "text"
    record_id: str
    document_name: str = ""
    characters: int = Field(ge=1)
    tokens: int
    base_bits: float
    tuned_bits: float | None = None


class Answer(Spec):
    """What a model answered, and whether that was right."""

    text: str
    right: bool
    overlap: float
    """Character-bigram F1 with the reference answer; it decides only where nothing is `accepted`."""
    cut_off: bool = False
    """The answer was still going on at the limit of new tokens."""


class AnswerItem(Spec):
    """One held-out question, asked with its passage (open book) or without (closed book)."""

    type: Literal["answer"] = "answer"
    record_id: str
    document_name: str = ""
    book: Book
    question: str
    reference: str
    accepted: tuple[str, ...] = ()
    base: Answer
    tuned: Answer | None = None


AnyItem = Annotated[TextItem | AnswerItem, Field(discriminator="type")]
ITEM = TypeAdapter[AnyItem](AnyItem)


class Measurement(Spec):
    """A model's figure. Accuracy: share of right answers, Wilson's interval."""

    value: float
    low: float
    high: float
    items: int
    """How many texts or questions it rests on."""


class Difference(Spec):
    """Tuned minus base over the same items, with a paired interval."""

    value: float
    low: float
    high: float
    items: int


Measurements = dict[Metric, Measurement]
Differences = dict[Metric, Difference]


class Figures(Spec):
    """Everything that follows from the items. A metric that nothing was measured for is absent."""

    base: Measurements
    tuned: Measurements | None = None
    differences: Differences = Field(default_factory=dict)


def recompute(items: Sequence[TextItem | AnswerItem], bootstrap: Bootstrap) -> Figures:
    """The figures of an evaluation from its items (`output/items.jsonl`), the same to the last digit."""
    texts = [item for item in items if isinstance(item, TextItem)]
    answers = {
        book: [i for i in items if isinstance(i, AnswerItem) and i.book == book] for book in METRIC_OF_BOOK
    }
    tuned = any(_is_tuned(item) for item in items)
    base: Measurements = {}
    other: Measurements = {}
    differences: Differences = {}
    if texts:
        base["bits_per_character"] = _bits(texts, _base_bits, bootstrap)
    if texts and tuned:
        other["bits_per_character"] = _bits(texts, _tuned_bits, bootstrap)
        differences["bits_per_character"] = _bits_difference(texts, bootstrap)
    for book, metric in METRIC_OF_BOOK.items():
        asked = answers[book]
        if not asked:
            continue
        base[metric] = _accuracy([item.base.right for item in asked], bootstrap.confidence)
        if tuned:
            rights = [bool(item.tuned and item.tuned.right) for item in asked]
            other[metric] = _accuracy(rights, bootstrap.confidence)
            differences[metric] = _accuracy_difference(asked, rights, bootstrap)
    return Figures(base=base, tuned=other if tuned else None, differences=differences)


def _is_tuned(item: TextItem | AnswerItem) -> bool:
    return (item.tuned_bits if isinstance(item, TextItem) else item.tuned) is not None


def _base_bits(item: TextItem) -> float:
    return item.base_bits


def _tuned_bits(item: TextItem) -> float:
    if item.tuned_bits is None:
        raise ValueError(f"item {item.record_id} was not measured with the tuned model")
    return item.tuned_bits


def _bits(texts: Sequence[TextItem], bits: Callable[[TextItem], float], bootstrap: Bootstrap) -> Measurement:
    """All bits over all characters: long texts weigh more, as they do when the model is used."""
    total, characters = [bits(text) for text in texts], [float(text.characters) for text in texts]
    low, high = _interval(total, characters, bootstrap)
    return Measurement(value=sum(total) / sum(characters), low=low, high=high, items=len(texts))


def _bits_difference(texts: Sequence[TextItem], bootstrap: Bootstrap) -> Difference:
    """Paired: each draw takes both models' bits of the same texts, so easy texts cancel out."""
    gained = [_tuned_bits(text) - text.base_bits for text in texts]
    characters = [float(text.characters) for text in texts]
    low, high = _interval(gained, characters, bootstrap)
    return Difference(value=sum(gained) / sum(characters), low=low, high=high, items=len(texts))


def _accuracy_difference(
    asked: Sequence[AnswerItem], tuned: Sequence[bool], bootstrap: Bootstrap
) -> Difference:
    changes = [float(after) - float(item.base.right) for item, after in zip(asked, tuned, strict=True)]
    low, high = _interval(changes, [1.0] * len(changes), bootstrap)
    return Difference(value=sum(changes) / len(changes), low=low, high=high, items=len(changes))


def _interval(parts: Sequence[float], weights: Sequence[float], bootstrap: Bootstrap) -> tuple[float, float]:
    """Percentile bootstrap of sum(parts) / sum(weights), items drawn with replacement.

    Items are treated as independent; texts of one document are not quite, so with few documents
    the true interval is somewhat wider.
    """
    generator = random.Random(bootstrap.seed)  # noqa: S311 (statistics, not secrets)
    numbers = range(len(parts))
    ratios = []
    for _ in range(bootstrap.samples):
        drawn = generator.choices(numbers, k=len(parts))
        ratios.append(sum(parts[n] for n in drawn) / sum(weights[n] for n in drawn))
    ratios.sort()
    outside = (1 - bootstrap.confidence) / 2
    return _quantile(ratios, outside), _quantile(ratios, 1 - outside)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the neighbours (numpy's default)."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def _accuracy(rights: Sequence[bool], confidence: float) -> Measurement:
    """Share of right answers with Wilson's score interval, which stays honest near 0 and 1."""
    count, share = len(rights), sum(rights) / len(rights)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return Measurement(
        value=share,
        low=min(share, max(0.0, middle - half)),
        high=max(share, min(1.0, middle + half)),
        items=count,
    )
