"""The rule a model version must pass before it may be released, as data, and its verdict.

There are three verdicts: passed, failed, and inconclusive where the measurements do not decide. Plain arithmetic on the differences of an evaluation: the engine applies it, and it can be applied again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from workers.contract.spec import Spec
from workers.contract.specs.measurement import Difference
from workers.contract.specs.tasks.declaration import Direction, declared_metrics, find_metric

BASE = "base"
TUNED = "tuned"
"""Names of the two candidates of a usual evaluation: a base model, and what was trained from it."""

Requirement = Literal["better_beyond_interval", "not_worse"]
Verdict = Literal["passed", "failed", "inconclusive"]
Reason = Literal[
    "better_beyond_interval",
    "not_worse",
    "within_interval",
    "worse",
    "too_few_items",
    "not_measured",
]

VERDICTS: dict[Reason, Verdict] = {
    "better_beyond_interval": "passed",
    "not_worse": "passed",
    "worse": "failed",
    "within_interval": "inconclusive",
    "too_few_items": "inconclusive",
    "not_measured": "inconclusive",
}
SEVEREST_FIRST: tuple[Verdict, ...] = ("failed", "inconclusive", "passed")


class GateRule(Spec):
    """One requirement on the difference between the candidate and the baseline."""

    task: str
    metric: str
    """What is compared: a metric that the task declares."""
    direction: Direction
    """Whether a lower or a higher value is the better one."""
    require: Requirement
    """`better_beyond_interval`: the whole interval of the paired difference lies on the better side.
    `not_worse`: on the very same items the candidate's figure is at least as good. There is no margin and
    no interval in it, on purpose: with few questions an interval is so wide that a real loss would pass as
    noise."""
    min_items: int = Field(default=1, ge=1)
    """With fewer items the rule is inconclusive: an interval over a handful of texts means nothing."""

    @field_validator("metric")
    @classmethod
    def _declared(cls, metric: str, info: ValidationInfo) -> str:
        if find_metric(info.data.get("task", ""), metric) is None:
            known = ", ".join(each.name for _task, each in declared_metrics())
            raise ValueError(f"no task has this metric; known are {known}")
        return metric


class Gate(Spec):
    """All rules must hold for the candidate, compared with the baseline."""

    candidate: str = TUNED
    baseline: str = BASE
    rules: tuple[GateRule, ...] = Field(min_length=1)


class RuleOutcome(Spec):
    """Whether one rule held, why, and the difference by which it was judged."""

    rule: GateRule
    verdict: Verdict
    reason: Reason
    difference: Difference | None = None


class GateVerdict(Spec):
    """Passed only if every rule held; failed if one did not; else inconclusive."""

    verdict: Verdict
    outcomes: tuple[RuleOutcome, ...]


DEFAULT_GATE = Gate(
    rules=(
        GateRule(
            task="bits_per_character",
            metric="bits_per_character",
            direction="lower",
            require="better_beyond_interval",
            min_items=5,
        ),
        GateRule(
            task="question_answering", metric="open_book_accuracy", direction="higher", require="not_worse"
        ),
    )
)


def judge(gate: Gate, differences: Sequence[Difference]) -> GateVerdict:
    """Apply every rule. Only a candidate that was measured to be worse fails."""
    by_metric = {
        (each.task, each.metric): each
        for each in differences
        if (each.candidate, each.baseline) == (gate.candidate, gate.baseline)
    }
    outcomes = []
    for rule in gate.rules:
        difference = by_metric.get((rule.task, rule.metric))
        reason = _reason(rule, difference)
        outcomes.append(
            RuleOutcome(rule=rule, verdict=VERDICTS[reason], reason=reason, difference=difference)
        )
    given = {outcome.verdict for outcome in outcomes}
    verdict = next(verdict for verdict in SEVEREST_FIRST if verdict in given)
    return GateVerdict(verdict=verdict, outcomes=tuple(outcomes))


def _reason(rule: GateRule, difference: Difference | None) -> Reason:
    if difference is None:
        return "not_measured"
    if difference.items < rule.min_items:
        return "too_few_items"
    # Turned so that positive is better, whichever way the metric counts.
    if rule.direction == "higher":
        value, worst, best = difference.value, difference.low, difference.high
    else:
        value, worst, best = -difference.value, -difference.high, -difference.low
    if rule.require == "not_worse":
        return "not_worse" if value >= 0 else "worse"
    if worst > 0:
        return "better_beyond_interval"
    return "worse" if best < 0 else "within_interval"
