"""From numbers observed on items to figures with intervals: plain arithmetic without a library."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from pydantic import Field

from workers.contract.spec import Spec


class Bootstrap(Spec):
    """How intervals are estimated: resample the items many times and take the middle of the results."""

    samples: int = Field(default=1000, ge=100, le=100_000)
    """How often the items are resampled."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """The same seed and items give the same interval."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """The share of the results that the interval holds."""


class Estimate(Spec):
    """A value with the interval around it."""

    value: float
    low: float
    high: float
    items: int
    """How many texts or questions it rests on."""

    @property
    def includes_zero(self) -> bool:
        """Of a difference: it may be chance."""
        return self.low <= 0 <= self.high


class Figure(Estimate):
    """What one candidate reached in one metric of one task."""

    task: str
    metric: str
    candidate: str


class Difference(Estimate):
    """Candidate minus baseline over the same items, with a paired interval."""

    task: str
    metric: str
    candidate: str
    baseline: str


@dataclass(frozen=True)
class Ratio:
    """One number and one weight for each item. The value is the sum of the numbers over that of the weights."""

    numbers: Sequence[float]
    weights: Sequence[float]

    def estimate(self, bootstrap: Bootstrap) -> Estimate:
        low, high = _bootstrap_interval(self.numbers, self.weights, bootstrap)
        value = sum(self.numbers) / sum(self.weights)
        return Estimate(value=value, low=low, high=high, items=len(self.numbers))

    def minus(self, other: Ratio) -> Ratio:
        """The paired difference. Both must stand for the same items in the same order."""
        numbers = [ours - theirs for ours, theirs in zip(self.numbers, other.numbers, strict=True)]
        return Ratio(numbers, self.weights)


class Share(Ratio):
    """The share of right answers, with Wilson's score interval, which also holds near 0 and 1."""

    def __init__(self, right: Sequence[bool]) -> None:
        super().__init__([float(each) for each in right], [1.0] * len(right))

    def estimate(self, bootstrap: Bootstrap) -> Estimate:
        count, share = len(self.numbers), sum(self.numbers) / len(self.numbers)
        z = NormalDist().inv_cdf((1 + bootstrap.confidence) / 2)
        middle = (share + z * z / (2 * count)) / (1 + z * z / count)
        half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
        return Estimate(
            value=share,
            low=min(share, max(0.0, middle - half)),
            high=max(share, min(1.0, middle + half)),
            items=count,
        )


def _bootstrap_interval(
    numbers: Sequence[float], weights: Sequence[float], bootstrap: Bootstrap
) -> tuple[float, float]:
    """Percentile bootstrap of sum(numbers) / sum(weights), items drawn with replacement.

    Items are treated as independent. Texts of one document are not quite, so with few documents the true
    interval is somewhat wider.
    """
    generator = random.Random(bootstrap.seed)  # noqa: S311 (statistics, not secrets)
    positions = range(len(numbers))
    ratios = []
    for _ in range(bootstrap.samples):
        drawn = generator.choices(positions, k=len(numbers))
        ratios.append(sum(numbers[n] for n in drawn) / sum(weights[n] for n in drawn))
    ratios.sort()
    outside = (1 - bootstrap.confidence) / 2
    return _quantile(ratios, outside), _quantile(ratios, 1 - outside)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the neighbours (numpy's default)."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
