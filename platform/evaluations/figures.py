"""An evaluation's figures laid out for drawing: the candidates side by side, each with its interval.

Positions are percent of the picture's width, for SVG attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from evaluations.models import Evaluation
from evaluations.remedies import Remedy, remedy
from evaluations.words import CANDIDATES, REASONS, REQUIREMENTS, VERDICT_STATES
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, RuleOutcome
from workers.contract.specs.measurement import Difference, Figure
from workers.contract.specs.tasks.declaration import Metric, declared_metrics, find_metric

Text = str | Promise


@dataclass(frozen=True)
class Bar:
    """One candidate's figure: a mark at its value on the span of its interval."""

    label: Text
    tone: str
    value: float
    low: float
    high: float
    x: str
    start: str
    width: str


@dataclass(frozen=True)
class MetricPicture:
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
class RuleRow:
    label: Text
    requirement: Text
    verdict: str
    reason: Text
    remedy: Remedy | None
    outcome: RuleOutcome
    is_share: bool

    @property
    def verdict_state(self) -> str:
        """The word that the console has for it."""
        return VERDICT_STATES[self.verdict]


def figures(evaluation: Evaluation) -> list[MetricPicture]:
    """One picture for each metric that was measured; empty until the evaluation has a result."""
    if not evaluation.result:
        return []
    result = EvaluationResult.model_validate(evaluation.result)
    pictures = []
    for task, metric in declared_metrics():
        measured = [each for each in result.figures if (each.task, each.metric) == (task, metric.name)]
        differences = [each for each in result.differences if (each.task, each.metric) == (task, metric.name)]
        if measured:
            pictures.append(_picture(metric, measured, differences[0] if differences else None))
    return pictures


def _picture(metric: Metric, measured: Sequence[Figure], difference: Difference | None) -> MetricPicture:
    """`difference`: of the first candidate that was compared with the baseline."""
    low, high = 0.0, 1.0
    if not metric.is_share:
        # From below the lowest end to above the highest, so that intervals fill the picture.
        low, high = min(each.low for each in measured), max(each.high for each in measured)
        margin = (high - low or abs(high) or 1.0) * 0.15
        low, high = max(0.0, low - margin), high + margin
    is_better = None
    if difference is not None and not difference.includes_zero:
        is_better = (difference.value > 0) == (metric.direction == "higher")
    return MetricPicture(
        metric=metric.name,
        label=_(metric.label),
        sentence=_(metric.help),
        is_share=metric.is_share,
        items=measured[0].items,
        bars=[_bar(figure, low, high) for figure in measured],
        difference=difference,
        is_better=is_better,
    )


def _bar(figure: Figure, low: float, high: float) -> Bar:
    start, mark, end = (
        100 * min(1.0, max(0.0, (value - low) / (high - low)))
        for value in (figure.low, figure.value, figure.high)
    )
    return Bar(
        label=CANDIDATES.get(figure.candidate, figure.candidate),
        tone="still" if figure.candidate == BASE else "busy",
        value=figure.value,
        low=figure.low,
        high=figure.high,
        x=f"{mark:.2f}",
        start=f"{start:.2f}",
        width=f"{max(0.4, end - start):.2f}",
    )


def rules(evaluation: Evaluation) -> list[RuleRow]:
    """The gate's verdict rule by rule; empty where there is none."""
    if not evaluation.result:
        return []
    gate = EvaluationResult.model_validate(evaluation.result).gate
    rows = []
    for outcome in gate.outcomes if gate else ():
        metric = find_metric(outcome.rule.task, outcome.rule.metric)
        assert metric is not None, "a rule names a declared metric"
        row = RuleRow(
            label=_(metric.label),
            requirement=REQUIREMENTS[outcome.rule.require],
            verdict=outcome.verdict,
            reason=REASONS[outcome.reason],
            remedy=remedy(evaluation, outcome),
            outcome=outcome,
            is_share=metric.is_share,
        )
        rows.append(row)
    return rows
