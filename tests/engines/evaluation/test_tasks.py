"""Tasks are found by their registry, and a new one is one module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import ValidationError

from tests.engines.training.tiny import make_model, make_run, pair_record, write_dataset
from workers.contract.records import PairRecord
from workers.contract.spec import Spec
from workers.contract.specs.evaluation import Candidate, EvaluationSpec
from workers.contract.specs.gate import Gate, GateRule
from workers.contract.specs.measurement import Share
from workers.contract.specs.tasks import declaration
from workers.contract.specs.tasks.declaration import (
    Item,
    Metric,
    TaskSettings,
    declare_task,
    declared_metrics,
    task_of_metric,
)
from workers.engines.evaluation.requests import LogLikelihood
from workers.engines.evaluation.tasks import TASKS
from workers.engines.evaluation.tasks.task import Case, Task, implements


def test_every_declared_task_is_implemented():
    assert set(declaration._tasks) == set(TASKS)


def test_every_metric_can_be_named_without_its_task():
    """The API does so."""
    for task, metric in declared_metrics():
        assert task_of_metric(metric.name) == task


def test_a_rule_names_a_metric_of_its_task():
    rule = {"direction": "higher", "require": "not_worse"}
    assert GateRule(task="question_answering", metric="open_book_accuracy", **rule)
    for task, metric in (("bits_per_character", "open_book_accuracy"), ("question_answering", "x")):
        with pytest.raises(ValidationError, match="no task has this metric"):
            GateRule(task=task, metric=metric, **rule)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tasks": [{"type": "poetry"}]}, "should be one of"),
        ({"tasks": [{"type": "bits_per_character"}] * 2}, "each type of task"),
        ({"tasks": [{"type": "question_answering", "open_book": False, "closed_book": False}]}, "ask open"),
        ({"candidates": [{"name": "base", "model": "/m"}] * 2}, "name of its own"),
        ({"baseline": "another"}, "one of the candidates"),
    ],
)
def test_refuses_an_inconsistent_spec(fields, message):
    given = {"candidates": [{"name": "base", "model": "/m"}], "record_files": ["/r"]}
    assert EvaluationSpec.model_validate(given)
    with pytest.raises(ValidationError, match=message):
        EvaluationSpec.model_validate({**given, **fields})


def test_a_spec_keeps_its_tasks_as_json():
    spec = EvaluationSpec.model_validate(
        {
            "candidates": [{"name": "base", "model": "/m"}],
            "record_files": ["/r"],
            "tasks": [{"type": "question_answering", "batch_size": 3}, {"type": "bits_per_character"}],
        }
    )
    assert EvaluationSpec.model_validate_json(spec.model_dump_json()) == spec
    assert spec.model_dump(mode="json")["tasks"][0]["batch_size"] == 3


# -- a task in one module ---------------------------------------------------------------------------
class Choice(Spec):
    right: bool


class ChoiceItem(Item):
    task: Literal["toy_choice"] = "toy_choice"
    results: dict[str, Choice] = {}


class ToySettings(TaskSettings):
    """Is the right answer more probable than a wrong one?"""

    metrics: ClassVar = (Metric(name="preferred", direction="higher", is_share=True, label="", help=""),)
    item: ClassVar = ChoiceItem

    type: Literal["toy_choice"] = "toy_choice"
    wrong: str = "わかりません。"


class ToyChoice(Task[ToySettings, ChoiceItem]):
    def items(self, records, seed):
        return [Case(ChoiceItem(record_id=each.id), each) for each in records if isinstance(each, PairRecord)]

    def requests(self, case, candidate):
        return [
            LogLikelihood(case.record.question, text) for text in (case.record.answer, self.settings.wrong)
        ]

    def score(self, case, responses):
        right, wrong = (response.log_likelihood / response.tokens for response in responses)
        return Choice(right=right > wrong)

    @staticmethod
    def aggregate(items, candidate):
        return {"preferred": Share([item.results[candidate].right for item in items])} if items else {}


@pytest.fixture
def toy_task() -> Iterator[None]:
    declare_task(ToySettings)
    implements(ToySettings)(ToyChoice)
    yield
    declaration._tasks.pop("toy_choice")
    TASKS.pop("toy_choice")


@pytest.mark.ml
def test_a_task_in_one_module_is_measured_and_judged(toy_task: None, tmp_path: Path) -> None:
    from workers.engines.evaluation.engine import evaluate

    base, other = make_model(tmp_path / "base"), make_model(tmp_path / "other", "gemma3")
    records = write_dataset(tmp_path / "dataset", [pair_record(n, split="heldout") for n in range(8)])
    rule = GateRule(task="toy_choice", metric="preferred", direction="higher", require="not_worse")
    spec = EvaluationSpec(
        candidates=(Candidate(name="base", model=base), Candidate(name="tuned", model=other)),
        record_files=(records,),
        tasks=[{"type": "toy_choice", "wrong": "上長の承認"}],
        gate=Gate(rules=(rule,)),
    )
    result = evaluate(make_run(tmp_path / "run"), spec)
    assert [(each.task, each.metric, each.candidate, each.items) for each in result.figures] == [
        ("toy_choice", "preferred", "base", 8),
        ("toy_choice", "preferred", "tuned", 8),
    ]
    assert result.gate is not None and result.gate.outcomes[0].difference == result.differences[0]
    assert (result.gate.verdict == "passed") == (result.differences[0].value >= 0)
