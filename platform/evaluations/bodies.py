"""A suite's rules, an evaluation's result and its items as the API writes them: a version beside its base.

The API names a metric without its task, and has one field for the base model and one for the version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evaluations.models import Evaluation
from evaluations.remedies import remedy
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, TUNED, GateRule, RuleOutcome
from workers.contract.specs.measurement import Difference, Figure
from workers.contract.specs.tasks.bits_per_character import TextItem
from workers.contract.specs.tasks.declaration import Item, declared_metrics
from workers.contract.specs.tasks.question_answering import QuestionItem

ESTIMATE = {"value", "low", "high", "items"}


def rule_body(rule: GateRule) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude={"task"})


def result_body(evaluation: Evaluation) -> dict[str, Any]:
    """Empty until there is a result."""
    if not evaluation.result:
        return {}
    result = EvaluationResult.model_validate(evaluation.result)
    gate = result.gate
    base, tuned = (
        _by_metric(figure for figure in result.figures if figure.candidate == candidate)
        for candidate in (BASE, TUNED)
    )
    return {
        "version": result.version,
        "base": base,
        "tuned": tuned or None,
        "differences": _by_metric(
            difference
            for difference in result.differences
            if (difference.candidate, difference.baseline) == (TUNED, BASE)
        ),
        "gate": gate
        and {
            "passed": gate.verdict == "passed",
            "verdict": gate.verdict,
            "outcomes": [_outcome_body(evaluation, each) for each in gate.outcomes],
        },
        "texts": result.records.get("bits_per_character", 0),
        "questions": result.records.get("question_answering", 0),
        "items": result.items,
        "seconds": result.seconds,
        "manifest_sha256": result.manifest_sha256,
    }


def _by_metric(estimates: Iterable[Figure | Difference]) -> dict[str, Any]:
    given = {(each.task, each.metric): each for each in estimates}
    return {
        metric.name: given[task, metric.name].model_dump(mode="json", include=ESTIMATE)
        for task, metric in declared_metrics()
        if (task, metric.name) in given
    }


def _outcome_body(evaluation: Evaluation, outcome: RuleOutcome) -> dict[str, Any]:
    to_do = remedy(evaluation, outcome)
    return {
        "rule": rule_body(outcome.rule),
        "passed": outcome.verdict == "passed",
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "remedy": str(to_do.sentence) if to_do else None,
        "difference": outcome.difference and outcome.difference.model_dump(mode="json", include=ESTIMATE),
    }


def item_body(item: Item) -> dict[str, Any]:
    """Of a task that the API has no fields for, the item as it is."""
    common = {"record_id": item.record_id, "document_name": item.document_name}
    if isinstance(item, TextItem):
        base, tuned = item.results[BASE], item.results.get(TUNED)
        return {
            "type": "text",
            **common,
            "characters": item.characters,
            "tokens": base.tokens,
            "base_bits": base.bits,
            "tuned_bits": tuned.bits if tuned else None,
        }
    if isinstance(item, QuestionItem):
        tuned_answer = item.results.get(TUNED)
        return {
            "type": "answer",
            **common,
            **item.model_dump(mode="json", include={"book", "question", "reference", "accepted"}),
            "base": item.results[BASE].model_dump(mode="json"),
            "tuned": tuned_answer.model_dump(mode="json") if tuned_answer else None,
        }
    return item.model_dump(mode="json")
