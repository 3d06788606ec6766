"""The figures of two releases beside one another, and whether they may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.models import Evaluation
from releases.models import Release
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, TUNED
from workers.contract.specs.measurement import Estimate
from workers.contract.specs.tasks.declaration import Metric, declared_metrics


class Outcome(StrEnum):
    """The candidate's figure compared with that of what is served."""

    BETTER = "better"
    WORSE = "worse"
    UNCERTAIN = "uncertain"
    """The difference may be chance."""
    SAME = "same"
    OTHER_RECORDS = "other_records"
    """Measured on other records, so the figures cannot be compared."""
    ONE_SIDED = "one_sided"
    """Only one of the two was measured."""


OUTCOMES: dict[Outcome, str | Promise] = {
    Outcome.BETTER: gettext_lazy("better"),
    Outcome.WORSE: gettext_lazy("worse"),
    Outcome.UNCERTAIN: gettext_lazy("difference uncertain"),
    Outcome.SAME: gettext_lazy("the same"),
    Outcome.OTHER_RECORDS: gettext_lazy("measured on other records, not comparable"),
    Outcome.ONE_SIDED: gettext_lazy("measured for one of the two only"),
}


@dataclass(frozen=True)
class FigureRow:
    name: str
    label: str
    is_share: bool
    candidate: Estimate | None
    served: Estimate | None
    outcome: Outcome

    @property
    def differs(self) -> bool:
        return self.outcome is not Outcome.SAME

    @property
    def word(self) -> str | Promise:
        return OUTCOMES[self.outcome]


@dataclass(frozen=True)
class _Measured:
    """A model of an evaluation: the fine-tuned one or its base."""

    evaluation: Evaluation
    model: str

    @cached_property
    def result(self) -> EvaluationResult:
        return EvaluationResult.model_validate(self.evaluation.result)

    def figure(self, task: str, metric: str) -> Estimate | None:
        wanted = (task, metric, self.model)
        figures = self.result.figures
        return next((each for each in figures if (each.task, each.metric, each.candidate) == wanted), None)

    def minus(self, other: _Measured, task: str, metric: str) -> tuple[float, float] | None:
        """The interval of the paired difference over the same items, where one evaluation measured both."""
        if self.evaluation != other.evaluation:
            return None
        for each in self.result.differences:
            if (each.task, each.metric) == (task, metric):
                if (each.candidate, each.baseline) == (self.model, other.model):
                    return each.low, each.high
                if (each.candidate, each.baseline) == (other.model, self.model):
                    return -each.high, -each.low
        return None


def figure_rows(candidate: Release, served: Release) -> list[FigureRow]:
    """One row for each metric that was measured for either."""
    ours, theirs = _measured(candidate, served), _measured(served, candidate)
    rows = []
    for task, metric in declared_metrics():
        mine = ours.figure(task, metric.name) if ours else None
        other = theirs.figure(task, metric.name) if theirs else None
        if mine is not None or other is not None:
            outcome = _outcome(ours, theirs, task, metric)
            name = f"{task}.{metric.name}"
            rows.append(FigureRow(name, _(metric.label), metric.is_share, mine, other, outcome))
    return rows


def _measured(release: Release, other: Release) -> _Measured | None:
    """A base model has no evaluation of its own, but is measured in that of a version made from it."""
    if release.evaluation is not None and release.evaluation.result:
        return _Measured(release.evaluation, TUNED)
    is_base = release.model_version is None and release.base_model_id == other.base_model_id
    if is_base and other.evaluation is not None and other.evaluation.result:
        return _Measured(other.evaluation, BASE)
    return None


def _outcome(ours: _Measured | None, theirs: _Measured | None, task: str, metric: Metric) -> Outcome:
    mine = ours.figure(task, metric.name) if ours else None
    other = theirs.figure(task, metric.name) if theirs else None
    if ours is None or theirs is None or mine is None or other is None:
        return Outcome.ONE_SIDED
    if ours == theirs:
        return Outcome.SAME
    if not _same_records(ours.evaluation, theirs.evaluation):
        return Outcome.OTHER_RECORDS
    # Measured in two evaluations, the intervals must not touch.
    apart = (mine.low - other.high, mine.high - other.low)
    low, high = ours.minus(theirs, task, metric.name) or apart
    if low <= 0 <= high:
        return Outcome.UNCERTAIN
    return Outcome.BETTER if (low > 0) == (metric.direction == "higher") else Outcome.WORSE


def _same_records(one: Evaluation, other: Evaluation) -> bool:
    """The same held-out records in the same tasks. A later dataset version may hold out others."""
    return one == other or (
        one.dataset_version_id == other.dataset_version_id
        and one.suite.tasks == other.suite.tasks
        and one.result.get("records") == other.result.get("records")
    )
