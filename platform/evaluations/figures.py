"""An evaluation's figures laid out for drawing: base beside tuned, each with its interval.

Positions are percent of the picture's width, for SVG attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from evaluations.models import Evaluation
from evaluations.words import METRIC_SENTENCES, METRICS, REASONS, REQUIREMENTS
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import RuleOutcome
from workers.contract.specs.measurement import Difference, Measurement

Text = str | Promise
SHARES = ("open_book_accuracy", "closed_book_accuracy")


@dataclass(frozen=True)
class Bar:
    """One model's figure: a mark at its value on the span of its interval."""

    label: str
    tone: str
    value: float
    low: float
    high: float
    x: str
    start: str
    width: str


@dataclass(frozen=True)
class Figure:
    metric: str
    label: Text
    sentence: Text
    is_share: bool
    items: int
    bars: list[Bar]
    difference: Difference | None
    is_better: bool | None
    """None where nothing differs or there is nothing to compare with."""


@dataclass(frozen=True)
class Rule:
    label: Text
    requirement: Text
    passed: bool
    reason: Text
    outcome: RuleOutcome
    is_share: bool


def figures(evaluation: Evaluation) -> list[Figure]:
    """Empty until the evaluation has a result."""
    if not evaluation.result:
        return []
    result = EvaluationResult.model_validate(evaluation.result)
    found = []
    for metric in METRICS:
        base = result.base.get(metric)  # type: ignore[call-overload]
        if base is not None:
            tuned = (result.tuned or {}).get(metric)  # type: ignore[call-overload]
            found.append(_figure(metric, base, tuned, result.differences.get(metric)))  # type: ignore[call-overload]
    return found


def _figure(
    metric: str, base: Measurement, tuned: Measurement | None, difference: Difference | None
) -> Figure:
    is_share = metric in SHARES
    shown = [(_("Base"), "still", base), *([(_("Tuned"), "busy", tuned)] if tuned else [])]
    low, high = (0.0, 1.0) if is_share else _span([measurement for _label, _tone, measurement in shown])
    return Figure(
        metric=metric,
        label=METRICS[metric],
        sentence=METRIC_SENTENCES[metric],
        is_share=is_share,
        items=base.items,
        bars=[_bar(label, tone, measurement, low, high) for label, tone, measurement in shown],
        difference=difference,
        is_better=_is_better(metric, difference),
    )


def _span(measurements: list[Measurement]) -> tuple[float, float]:
    """From below the lowest end to above the highest, so that intervals fill the picture."""
    low, high = min(m.low for m in measurements), max(m.high for m in measurements)
    margin = (high - low or abs(high) or 1.0) * 0.15
    return max(0.0, low - margin), high + margin


def _bar(label: str, tone: str, measurement: Measurement, low: float, high: float) -> Bar:
    def place(value: float) -> float:
        return 100 * min(1.0, max(0.0, (value - low) / (high - low)))

    start, end = place(measurement.low), place(measurement.high)
    return Bar(
        label=label,
        tone=tone,
        value=measurement.value,
        low=measurement.low,
        high=measurement.high,
        x=f"{place(measurement.value):.2f}",
        start=f"{start:.2f}",
        width=f"{max(0.4, end - start):.2f}",
    )


def _is_better(metric: str, difference: Difference | None) -> bool | None:
    if difference is None or difference.value == 0:
        return None
    return (difference.value > 0) == (metric in SHARES)


def rules(evaluation: Evaluation) -> list[Rule]:
    """The gate's verdict rule by rule; empty where there is none."""
    if not evaluation.result:
        return []
    gate = EvaluationResult.model_validate(evaluation.result).gate
    return [_rule(outcome) for outcome in gate.outcomes] if gate else []


def _rule(outcome: RuleOutcome) -> Rule:
    metric: Any = outcome.rule.metric
    return Rule(
        label=METRICS[metric],
        requirement=REQUIREMENTS[outcome.rule.require],
        passed=outcome.passed,
        reason=REASONS[outcome.reason],
        outcome=outcome,
        is_share=metric in SHARES,
    )
