"""The rule a model version must pass before it may be released, as data, and its verdict.

Pure arithmetic on an evaluation's differences: the engine applies it, the platform shows it and can
apply it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from workers.contract.specs.base import Spec
from workers.contract.specs.measurement import Difference, Metric

Direction = Literal["lower", "higher"]
Requirement = Literal["better_beyond_interval", "not_worse"]
Reason = Literal[
    "better_beyond_interval",
    "not_worse",
    "within_interval",
    "worse",
    "too_few_items",
    "not_measured",
]


class GateRule(Spec):
    """One requirement on the difference between the tuned and the base model."""

    metric: Metric
    """What is compared."""
    direction: Direction
    """Whether a lower or a higher value is the better one."""
    require: Requirement
    """`better_beyond_interval`: the whole interval of the paired difference lies on the better side.
    `not_worse`: on the very same items the tuned model's figure is at least as good. There is no
    margin and no interval in it, on purpose: with few questions an interval is so wide that a real
    loss would pass as noise."""
    min_items: int = Field(default=1, ge=1)
    """With fewer items the rule fails: an interval over a handful of texts means nothing."""


class Gate(Spec):
    """All rules must hold."""

    rules: tuple[GateRule, ...] = Field(min_length=1)


class RuleOutcome(Spec):
    """Whether one rule held, why, and the figures it was judged by."""

    rule: GateRule
    passed: bool
    reason: Reason
    difference: Difference | None = None


class GateVerdict(Spec):
    """`passed` is true only if every rule held."""

    passed: bool
    outcomes: tuple[RuleOutcome, ...]


DEFAULT_GATE = Gate(
    rules=(
        GateRule(
            metric="bits_per_character", direction="lower", require="better_beyond_interval", min_items=5
        ),
        GateRule(metric="open_book_accuracy", direction="higher", require="not_worse"),
    )
)


def judge(gate: Gate, differences: Mapping[Metric, Difference]) -> GateVerdict:
    """Apply every rule. A metric that was not measured fails its rule: absence is not success."""
    outcomes = tuple(_judge_rule(rule, differences.get(rule.metric)) for rule in gate.rules)
    return GateVerdict(passed=all(outcome.passed for outcome in outcomes), outcomes=outcomes)


def _judge_rule(rule: GateRule, difference: Difference | None) -> RuleOutcome:
    reason = _reason(rule, difference)
    return RuleOutcome(rule=rule, passed=reason == rule.require, reason=reason, difference=difference)


def _reason(rule: GateRule, difference: Difference | None) -> Reason:
    if difference is None:
        return "not_measured"
    if difference.items < rule.min_items:
        return "too_few_items"
    # Turned so that positive is better, whichever way the metric counts.
    if rule.direction == "higher":
        value, surely = difference.value, difference.low
    else:
        value, surely = -difference.value, -difference.high
    if rule.require == "not_worse":
        return "not_worse" if value >= 0 else "worse"
    if surely > 0:
        return "better_beyond_interval"
    return "worse" if value < 0 else "within_interval"
