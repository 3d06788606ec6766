"""Training runs: what the engine is told, what its result becomes, and continuing from a version."""

from __future__ import annotations

import pytest

from jobs.models import Job
from jobs.produced import produced_finalize
from registry.models import ModelVersion
from registry.selectors import model_folder
from tests.world import DIGEST, begin, fail
from training.hyperparameters import hyperparameters
from training.models import Checkpoint
from training.services import checkpoint_record, training_run_create
from workers.contract.specs.events import CheckpointSaved
from workers.contract.specs.training import Distributed, Hyperparameters, TrainingSpec


def test_openais_names_become_ours():
    given = {"n_epochs": 5, "batch_size": 2, "learning_rate_multiplier": 0.5, "lora_rank": 8}
    values = hyperparameters(given, at="")
    assert (values.epochs, values.lora_rank) == (5, 8)
    assert values.tokens_per_step == 2 * values.sequence_length
    assert values.learning_rate == pytest.approx(0.5 * Hyperparameters().learning_rate)
    assert hyperparameters({"n_epochs": "auto", "batch_size": None}, at="") == Hyperparameters()


def test_the_engine_is_told_everything(world):
    version = world.dataset_version()
    run = world.training_run(version, distributed=Distributed(processes=1, zero_stage=2))
    spec = TrainingSpec.model_validate(run.job.spec)
    assert str(spec.base_model) == "/models/gemma" and spec.base_model_digest == DIGEST
    assert spec.record_files[0].name == "records.jsonl" and version.id in str(spec.record_files[0])
    assert spec.objectives == ("continued_pretraining", "supervised") and spec.distributed.zero_stage == 2
    supervised = world.training_run(version, method="supervised")
    assert TrainingSpec.model_validate(supervised.job.spec).objectives == ("supervised",)


def test_a_finished_run_is_a_version_once(world):
    run = world.training_run(suffix="rules")
    world.trained(run.job)
    produced_finalize(Job.objects.get(pk=run.job_id))
    version = ModelVersion.objects.get()
    assert (version.number, version.suffix, version.training_run_id) == (1, "rules", run.id)
    assert version.name.startswith("ft:gemma:kaku:rules:")
    assert (model_folder(version) / "manifest.json").exists()


def test_a_run_that_failed_is_no_version(world):
    run = world.training_run()
    fail(run.job)
    assert not ModelVersion.objects.exists()


def test_continuing_takes_the_adapter_the_base_and_the_name(world):
    first = world.model_version(suffix="rules")
    second = world.training_run(model=first.name)
    spec = TrainingSpec.model_validate(second.job.spec)
    assert spec.parent_adapter == model_folder(first) and spec.parent_manifest_sha256 == first.manifest_sha256
    assert (second.base_model, second.suffix) == (first.base_model, "rules")
    world.trained(second.job)
    made = ModelVersion.objects.get(training_run_id=second.id)
    assert (made.parent, made.number) == (first, 2)


def test_an_uploaded_conversation_file_is_trained_on(world):
    document = world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", records=3)
    world.base_model()
    run = training_run_create(
        model="gemma",
        method="supervised",
        data=document,
        hyperparameters=Hyperparameters(),
        actor=world.actor,
    )
    assert run.training_revision == document.current_revision
    assert run.job.spec["record_files"][0].endswith("records.jsonl")


def test_the_newest_attempt_names_a_checkpoint(world):
    run = world.training_run()
    job = begin(run.job)
    for digest in (DIGEST, "e" * 64):
        event = CheckpointSaved(
            sequence=1, time=1.0, step=50, path="checkpoints/50", manifest_sha256=digest, values={"loss": 2.0}
        )
        checkpoint_record(job=job, event=event)
    noted = Checkpoint.objects.get()
    assert (noted.manifest_sha256, noted.path) == ("e" * 64, str(job.run_dir / "checkpoints" / "50"))
