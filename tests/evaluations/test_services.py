"""Evaluations: what is measured, and that a verdict is taken over once."""

from __future__ import annotations

from evaluations.models import Evaluation
from evaluations.selectors import latest_verdict
from evaluations.services import evaluation_create
from jobs.models import Job
from jobs.produced import produced_finalize
from registry.selectors import model_folder
from tests.world import fail
from workers.contract.specs.evaluation import EvaluationSpec


def test_the_candidates_are_the_base_model_and_the_version(world):
    version = world.model_version()
    spec = EvaluationSpec.model_validate(world.evaluation(version).job.spec)
    base, tuned = spec.candidates
    assert (base.name, str(base.model), base.adapter) == ("base", "/models/gemma", None)
    assert (tuned.name, tuned.model, tuned.adapter) == ("tuned", base.model, model_folder(version))
    assert tuned.manifest_sha256 == version.manifest_sha256
    assert spec.gate is not None and len(spec.tasks) == 2


def test_a_verdict_is_taken_over_with_its_items(api, world):
    evaluation = world.evaluation(world.model_version(), passed=False)
    assert evaluation.passed is False
    produced_finalize(Job.objects.get(pk=evaluation.job_id))
    path = f"evals/{evaluation.suite_id}/runs/{evaluation.id}"
    assert api.get(path).ok["passed"] is False
    assert api.get(f"{path}/output_items").ok["data"][0]["record_id"] == "a"


def test_a_failed_evaluation_is_no_verdict(world):
    version = world.model_version()
    world.evaluation(version)
    passed = latest_verdict(version)
    suite = passed.suite
    later = evaluation_create(
        suite=suite,
        dataset_version=passed.dataset_version,
        base_model=version.base_model,
        model_version=version,
        actor=world.actor,
    )
    assert latest_verdict(version) == passed
    fail(later.job, "evaluation.system.out_of_memory")
    assert latest_verdict(version) == passed
    assert Evaluation.objects.get(pk=later.id).passed is None


def test_an_idempotency_key_makes_one_run_of_one_suite(api, world):
    version, first, second = world.dataset_version(), world.suite(), world.suite()
    world.base_model()
    body = {"data_source": {"dataset_version": version.id, "model": "gemma"}}
    header = {"Idempotency-Key": "k"}
    made = api.post(f"evals/{first.id}/runs", body, headers=header).ok["id"]
    assert api.post(f"evals/{first.id}/runs", body, headers=header).ok["id"] == made
    other = api.post(f"evals/{second.id}/runs", body, headers=header)
    assert other.error == (409, "idempotency_key_reused", "Idempotency-Key")
