"""Training runs: what the engine is given, what is refused, what a result becomes, and continuing a version."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.errors import Conflict, KoshaError
from jobs.models import Job
from jobs.produced import produced_finalize
from registry.models import ModelVersion
from registry.selectors import model_folder
from tests.world import DIGEST, begin, fail
from training.models import Checkpoint, TrainingRun
from training.selectors import wire_status
from training.services import (
    checkpoint_record,
    training_run_control,
    training_run_create,
)
from workers.contract.specs.events import CheckpointSaved
from workers.contract.specs.training import Distributed, Hyperparameters, TrainingSpec


# -- starting ---------------------------------------------------------------------------------------
def test_engine_gets_the_whole_spec(world):
    version = world.dataset_version()
    run = world.training_run(version, distributed=Distributed(processes=1, zero_stage=2))
    spec = TrainingSpec.model_validate(run.job.spec)
    assert str(spec.base_model) == "/models/gemma" and spec.base_model_digest == DIGEST
    assert spec.record_files[0].name == "records.jsonl" and version.id in str(spec.record_files[0])
    assert spec.objectives == ("continued_pretraining", "supervised") and spec.distributed.zero_stage == 2
    supervised = world.training_run(version, method="supervised")
    assert TrainingSpec.model_validate(supervised.job.spec).objectives == ("supervised",)


def test_starting_a_run_is_audited(world):
    run = world.training_run()
    event = AuditEvent.objects.get(action="training_run.created")
    assert (event.target_id, event.data["dataset_version"]) == (run.id, run.dataset_version_id)
    assert event.data["base_model"] == "gemma" and event.data["parent"] is None


def test_same_key_returns_the_same_run(world):
    version = world.dataset_version()
    first = world.training_run(version, idempotency_key="nightly")
    assert world.training_run(version, idempotency_key="nightly") == first
    with pytest.raises(Conflict) as refused:
        world.training_run(version, idempotency_key="nightly", suffix="other")
    assert refused.value.code == "idempotency_key_reused"
    assert TrainingRun.objects.count() == Job.objects.filter(kind="training").count() == 1
    assert AuditEvent.objects.filter(action="training_run.created").count() == 1


def test_learns_from_an_uploaded_conversation_file(world):
    document = world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", records=3)
    run = world.training_run(document, method="supervised")
    assert run.training_revision == document.current_revision
    assert run.dataset_version is None
    assert run.job.spec["record_files"][0].endswith("records.jsonl")


def conversations(world, **facts):
    return world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", **facts)


REFUSALS = {
    "no such model": (lambda world: {"model": "gpt-5"}, "unknown_model", "model"),
    "an embedding model": (
        lambda world: {"model": world.embedding_model().name},
        "wrong_model_kind",
        "model",
    ),
    "no such version": (lambda world: {"model": "ft:nothing"}, "unknown_model", "model"),
    "suffix with other letters": (lambda world: {"suffix": "Regeln!"}, "invalid_suffix", "suffix"),
    "suffix too long": (lambda world: {"suffix": "a" * 41}, "invalid_suffix", "suffix"),
    "document for search": (
        lambda world: {"data": world.document("b.txt", "別")},
        "wrong_purpose",
        "training_file",
    ),
    "file not read yet": (
        lambda world: {"data": world.upload("x.jsonl", purpose="fine-tune")},
        "document_not_ready",
        "training_file",
    ),
    "file without records": (
        lambda world: {"data": conversations(world, records=0)},
        "empty_dataset",
        "training_file",
    ),
    "file that is no JSONL": (
        lambda world: {"data": world.document("x.json", purpose="fine-tune")},
        "not_jsonl",
        "training_file",
    ),
    "all records held out": (
        lambda world: {
            "data": world.dataset_version(
                world.dataset("a"), records=2, heldout_records=2, pairs=0, heldout_pairs=0
            )
        },
        "empty_dataset",
        "training_file",
    ),
    "texts only, supervised": (
        lambda world: {
            "data": world.dataset_version(world.dataset("a"), pairs=0, heldout_pairs=0),
            "method": "supervised",
        },
        "empty_dataset",
        "training_file",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refuses_what_cannot_be_trained(world, case):
    options, code, param = REFUSALS[case]
    whole = {"model": world.base_model().name, "data": world.dataset_version(), **options(world)}
    with pytest.raises(KoshaError) as refused:
        training_run_create(
            **{"method": "continued_pretraining", "hyperparameters": Hyperparameters(), **whole},
            actor=world.actor,
        )
    assert (refused.value.code, refused.value.param) == (code, param)
    assert not TrainingRun.objects.exists()


def test_refuses_unreadable_file(world):
    document = world.upload("x.jsonl", purpose="fine-tune")
    fail(document.current_revision.job, "ingest.user.encrypted", "It is encrypted.")
    document.current_revision.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        world.training_run(document)
    assert (refused.value.code, refused.value.param) == ("document_unreadable", "training_file")


def test_refuses_dataset_version_that_is_not_ready(world):
    version = world.dataset_version()
    type(version).objects.filter(pk=version.pk).update(state="building")
    version.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        world.training_run(version)
    assert (refused.value.code, refused.value.param) == ("dataset_version_not_ready", "training_file")


def test_refuses_to_continue_a_whole_model(world):
    version = world.model_version()
    ModelVersion.objects.filter(pk=version.pk).update(method="full")
    with pytest.raises(Conflict) as refused:
        world.training_run(model=version.name)
    assert (refused.value.code, refused.value.param) == ("cannot_continue", "model")


# -- continuing ---------------------------------------------------------------------------------------
def test_continuing_takes_adapter_base_and_name(world):
    first = world.model_version(suffix="rules")
    second = world.training_run(model=first.name)
    spec = TrainingSpec.model_validate(second.job.spec)
    assert spec.parent_adapter == model_folder(first) and spec.parent_manifest_sha256 == first.manifest_sha256
    assert (second.base_model, second.suffix) == (first.base_model, "rules")
    world.trained(second.job)
    made = ModelVersion.objects.get(training_run_id=second.id)
    assert (made.parent, made.number) == (first, 2)


def test_known_records_are_named_only_when_continuing(world):
    known, version = world.dataset_version(), world.dataset_version(world.dataset("b"))
    fresh = world.training_run(version, known=known)
    assert fresh.job.spec["known_record_files"] == []
    continued = world.training_run(version, known=known, model=world.model_version().name)
    (path,) = continued.job.spec["known_record_files"]
    assert known.id in path


# -- pausing, resuming, cancelling --------------------------------------------------------------------
def test_queued_run_pauses_resumes_and_cancels(world):
    run = world.training_run()
    for action, status in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        run = training_run_control(run=run, action=action, actor=world.actor)
        assert wire_status(run) == status


def test_running_run_stops_after_its_checkpoint(world):
    run = world.training_run()
    begin(run.job)
    run = training_run_control(run=run, action="pause", actor=world.actor)
    assert (run.job.state, wire_status(run)) == ("pausing", "running")
    run = training_run_control(run=run, action="cancel", actor=world.actor)
    assert (run.job.state, wire_status(run)) == ("cancelling", "running")


@pytest.mark.parametrize(
    ("action", "code"),
    [("pause", "job_not_running"), ("resume", "job_not_paused"), ("cancel", "job_has_ended")],
)
def test_refuses_to_control_a_finished_run(world, action, code):
    run = world.training_run()
    world.trained(run.job)
    run.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        training_run_control(run=run, action=action, actor=world.actor)
    assert refused.value.code == code


# -- events and the end -------------------------------------------------------------------------------
def test_checkpoint_of_the_newest_attempt_is_kept(world):
    run = world.training_run()
    job = begin(run.job)
    for digest in (DIGEST, "e" * 64):
        event = CheckpointSaved(
            sequence=1, time=1.0, step=50, path="checkpoints/50", manifest_sha256=digest, values={"loss": 2.0}
        )
        checkpoint_record(job=job, event=event)
    recorded = Checkpoint.objects.get()
    assert (recorded.manifest_sha256, recorded.path) == ("e" * 64, str(job.run_dir / "checkpoints" / "50"))
    assert (recorded.run, recorded.metrics) == (run, {"loss": 2.0})


def test_finished_run_registers_one_version(world):
    run = world.training_run(suffix="rules")
    world.trained(run.job)
    produced_finalize(Job.objects.get(pk=run.job_id))
    version = ModelVersion.objects.get()
    assert (version.number, version.suffix, version.training_run_id) == (1, "rules", run.id)
    assert version.name.startswith("ft:gemma:kaku:rules:")
    assert (model_folder(version) / "manifest.json").exists()


def test_failed_run_registers_no_version(world):
    run = world.training_run()
    fail(run.job)
    assert not ModelVersion.objects.exists()
    run.refresh_from_db()
    assert wire_status(run) == "failed"
