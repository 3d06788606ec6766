"""Suites and evaluations: what is made, what is refused, and that a repeated request makes nothing twice."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.errors import Conflict, InvalidRequest, NotFound
from common.tenancy import organization_scope
from curation.models import DatasetVersion
from curation.services import dataset_version_create
from evaluations.models import Evaluation, Suite
from evaluations.selectors import (
    equivalent_suites,
    evaluation_get,
    evaluation_list,
    items_path,
    latest_verdicts,
    suite_get,
)
from evaluations.services import evaluation_create, suite_create, suite_default
from jobs.models import Job
from jobs.produced import produced_finalize
from registry.models import ModelVersion
from registry.selectors import model_folder
from tests.world import World, fail
from workers.contract.specs.evaluation import EvaluationSpec
from workers.contract.specs.gate import DEFAULT_GATE, Gate


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


# -- suites -------------------------------------------------------------------------------------------
def test_a_suite_has_the_default_tasks_and_gate(world):
    suite = suite_create(name="門", actor=world.actor)
    assert [task["type"] for task in suite.tasks] == ["bits_per_character", "question_answering"]
    assert Gate.model_validate(suite.gate) == DEFAULT_GATE
    assert actions()[-1] == "suite.created"


def test_a_suite_keeps_its_own_tasks_and_rules(world):
    suite = suite_create(
        name="門",
        actor=world.actor,
        tasks=[{"type": "question_answering", "max_questions": 7}],
        gate_rules=[{"metric": "closed_book_accuracy", "direction": "higher", "require": "not_worse"}],
    )
    assert suite.tasks[0]["max_questions"] == 7
    (rule,) = Gate.model_validate(suite_get(suite.id).gate).rules
    assert (rule.task, rule.metric) == ("question_answering", "closed_book_accuracy")


RULE = {"metric": "bits_per_character", "direction": "lower", "require": "not_worse"}


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"tasks": [{"type": "poetry"}]}, "invalid_value", "tasks.0"),
        ({"tasks": [{}]}, "invalid_value", "tasks.0"),
        (
            {"tasks": [{"type": "bits_per_character", "max_records": 0}]},
            "invalid_value",
            "tasks.0.max_records",
        ),
        ({"tasks": [{"type": "bits_per_character", "max": 1}]}, "unknown_parameter", "tasks.0.max"),
        ({"tasks": [{"type": "bits_per_character"}] * 2}, "invalid_value", "tasks"),
        ({"gate_rules": [{**RULE, "metric": "x"}]}, "invalid_value", "testing_criteria.0.metric"),
        (
            {"gate_rules": [RULE, {**RULE, "direction": "up"}]},
            "invalid_value",
            "testing_criteria.1.direction",
        ),
        ({"gate_rules": [{**RULE, "require": "best"}]}, "invalid_value", "testing_criteria.0.require"),
        ({"gate_rules": [{**RULE, "min_items": 0}]}, "invalid_value", "testing_criteria.0.min_items"),
    ],
    ids=str,
)
def test_refuses_a_suite_that_cannot_be_measured(world, given, code, param):
    with pytest.raises(InvalidRequest) as refused:
        suite_create(name="門", actor=world.actor, **given)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert not Suite.objects.exists()


def test_the_default_suite_is_made_once(world):
    assert suite_default() == suite_default()
    assert Suite.objects.count() == 1


def test_the_default_suite_demands_what_the_platform_demands(world):
    """Not what the first suite of the organization demands, which one person may have made lenient."""
    suite_create(name="甘い", actor=world.actor, gate_rules=[{**RULE, "require": "not_worse"}])
    same = world.suite()
    assert suite_default() == same


def test_a_suite_of_another_organization_is_absent(world):
    suite = world.suite()
    with organization_scope(World("other").organization.id), pytest.raises(NotFound) as refused:
        suite_get(suite.id, param="eval")
    assert refused.value.param == "eval"


# -- evaluations --------------------------------------------------------------------------------------
def start(world: World, version: ModelVersion, **changed) -> Evaluation:
    return evaluation_create(
        **{
            "suite": world.suite(),
            "dataset_version": DatasetVersion.objects.get(pk=version.dataset_version_id),
            "base_model": version.base_model,
            "model_version": version,
            "actor": world.actor,
            **changed,
        }
    )


def spec_of(evaluation: Evaluation) -> EvaluationSpec:
    return EvaluationSpec.model_validate(evaluation.job.spec)


def test_the_candidates_are_the_base_model_and_the_version(world):
    version = world.model_version()
    spec = spec_of(start(world, version))
    base, tuned = spec.candidates
    assert (base.name, str(base.model), base.adapter) == ("base", "/models/gemma", None)
    assert (tuned.name, tuned.model, tuned.adapter) == ("tuned", base.model, model_folder(version))
    assert tuned.manifest_sha256 == version.manifest_sha256
    assert spec.gate is not None and len(spec.tasks) == 2 and spec.is_judged
    assert actions()[-1] == "evaluation.created"


def test_a_fully_trained_version_is_a_candidate_without_an_adapter(world):
    version = world.model_version()
    ModelVersion.objects.filter(pk=version.pk).update(method="full")
    tuned = spec_of(start(world, ModelVersion.objects.get(pk=version.pk))).candidates[1]
    assert (tuned.model, tuned.adapter) == (model_folder(version), None)
    assert tuned.manifest_sha256 == version.manifest_sha256


def test_a_base_model_is_measured_alone_and_without_a_verdict(world):
    spec = spec_of(start(world, world.model_version(), model_version=None))
    assert [candidate.name for candidate in spec.candidates] == ["base"]
    assert not spec.is_judged and spec.pairs == []


def test_refuses_a_dataset_version_that_is_being_built(world):
    version = world.model_version()
    building = dataset_version_create(
        dataset=world.dataset(), documents=None, heldout_share=0.1, actor=world.actor
    )
    with pytest.raises(Conflict) as refused:
        start(world, version, dataset_version=building)
    assert (refused.value.code, refused.value.param) == (
        "dataset_version_not_ready",
        "data_source.dataset_version",
    )


def test_refuses_a_dataset_version_with_nothing_held_out(world):
    empty = world.dataset_version(heldout_records=0, heldout_pairs=0)
    with pytest.raises(InvalidRequest) as refused:
        start(world, world.model_version(), dataset_version=empty)
    assert (refused.value.code, refused.value.param) == ("no_heldout_data", "data_source.dataset_version")


def test_an_idempotency_key_starts_one_evaluation(world):
    version, suite = world.model_version(), world.suite()
    first = start(world, version, suite=suite, idempotency_key="k")
    assert start(world, version, suite=suite, idempotency_key="k") == first
    assert Evaluation.objects.count() == 1
    with pytest.raises(Conflict) as refused:
        start(world, version, suite=world.suite(), idempotency_key="k")
    assert refused.value.code == "idempotency_key_reused"


def test_a_verdict_is_kept_with_its_items(world):
    evaluation = world.evaluation(world.model_version(), passed=False)
    produced_finalize(Job.objects.get(pk=evaluation.job_id))
    kept = evaluation_get(evaluation.id)
    assert kept.passed is False and kept.manifest_sha256
    assert items_path(kept).read_text(encoding="utf-8").count("\n") == 1


def test_a_failed_evaluation_gives_no_verdict(world):
    version = world.model_version()
    passed = world.evaluation(version)
    later = start(world, version)
    assert latest_verdicts([version], equivalent_suites(None))[version.id] == passed
    fail(later.job, "evaluation.system.out_of_memory")
    assert latest_verdicts([version], equivalent_suites(None))[version.id] == passed
    assert Evaluation.objects.get(pk=later.id).passed is None


def test_evaluations_are_listed_by_suite(world):
    version = world.model_version()
    first, second = start(world, version), start(world, version)
    assert set(evaluation_list()) == {first, second}
    assert list(evaluation_list(first.suite)) == [first]
    assert evaluation_get(first.id, suite_id=first.suite_id) == first
    with pytest.raises(NotFound):
        evaluation_get(first.id, suite_id=second.suite_id)
