"""Invalid trainings are refused with a stable code and the field's name."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def training(world):
    world.base_model()
    return {"model": "gemma", "training_file": world.dataset_version().id}


CPT = "continued_pretraining"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "gpt-5"}, (400, "unknown_model", "model")),
        ({"model": "ft:nothing"}, (400, "unknown_model", "model")),
        ({"model": "e5"}, (400, "wrong_model_kind", "model")),
        ({"training_file": "file-nothing"}, (404, "not_found", "training_file")),
        ({"training_file": "dsv_nothing"}, (404, "not_found", "training_file")),
        ({"suffix": "Regeln!"}, (400, "invalid_suffix", "suffix")),
        ({"seed": -1}, (400, "invalid_value", "seed")),
        ({"seed": 2**40}, (400, "invalid_value", "seed")),
        ({"validation_file": "file-1"}, (400, "unsupported_parameter", "validation_file")),
        ({"integrations": [{"type": "wandb"}]}, (400, "unsupported_parameter", "integrations")),
        ({"n_epochs": 3}, (400, "unknown_parameter", "n_epochs")),
        ({"hyperparameters": {"n_epochs": 0}}, (400, "invalid_value", "hyperparameters.n_epochs")),
        ({"hyperparameters": {"n_epochs": 1000}}, (400, "invalid_value", "hyperparameters.n_epochs")),
        ({"hyperparameters": {"n_epochs": True}}, (400, "invalid_value", "hyperparameters.n_epochs")),
        ({"hyperparameters": {"batch_size": 10**9}}, (400, "invalid_value", "hyperparameters.batch_size")),
        ({"hyperparameters": {"batch_size": 1e300}}, (400, "invalid_value", "hyperparameters.batch_size")),
        (
            {"hyperparameters": {"learning_rate_multiplier": 1e9}},
            (400, "invalid_value", "hyperparameters.learning_rate_multiplier"),
        ),
        ({"method": {"type": "dpo"}}, (400, "unsupported_parameter", "method.type")),
        ({"method": {"type": "supervised", "extra": 1}}, (400, "unknown_parameter", "method.extra")),
        (
            {"method": {"type": CPT, CPT: {"hyperparameters": {"lora_rank": 100_000}}}},
            (400, "invalid_value", f"method.{CPT}.hyperparameters.lora_rank"),
        ),
        (
            {"method": {"type": CPT, CPT: {"hyperparameters": {"lora_rang": 4}}}},
            (400, "unknown_parameter", f"method.{CPT}.hyperparameters.lora_rang"),
        ),
        (
            {"hyperparameters": {"tokens_per_step": 16, "sequence_length": 512}},
            (400, "invalid_value", "hyperparameters"),
        ),
        ({"checkpoint": {"every_steps": 0}}, (400, "invalid_value", "checkpoint.every_steps")),
        ({"distributed": {"zero_stage": 9}}, (400, "invalid_value", "distributed.zero_stage")),
        ({"metadata": {"a": 1}}, (400, "invalid_value", "metadata.a")),
    ],
    ids=str,
)
def test_refuses_invalid_trainings(api, world, training, change, expected):
    world.embedding_model()
    assert api.post("fine_tuning/jobs", {**training, **change}).error == expected


def test_refuses_training_on_an_empty_version(api, world):
    world.base_model()
    empty = world.dataset_version(records=2, heldout_records=2, pairs=0, heldout_pairs=0)
    body = {"model": "gemma", "training_file": empty.id, "method": {"type": CPT}}
    assert api.post("fine_tuning/jobs", body).error == (400, "empty_dataset", "training_file")
    texts = world.dataset_version(world.dataset("文"), pairs=0, heldout_pairs=0)
    body = {"model": "gemma", "training_file": texts.id}
    assert api.post("fine_tuning/jobs", body).error == (400, "empty_dataset", "training_file")
    document = world.document("x.txt")
    body = {"model": "gemma", "training_file": document.id}
    assert api.post("fine_tuning/jobs", body).error == (400, "wrong_purpose", "training_file")
    conversations = world.document("x.jsonl", purpose="fine-tune", media_type="application/jsonl", records=0)
    body = {"model": "gemma", "training_file": conversations.id}
    assert api.post("fine_tuning/jobs", body).error == (400, "empty_dataset", "training_file")


def test_idempotency_key_answers_once_and_refuses_another_body(api, training):
    header = {"Idempotency-Key": "nightly-1"}
    first = api.post("fine_tuning/jobs", training, headers=header).ok
    assert api.post("fine_tuning/jobs", training, headers=header).ok["id"] == first["id"]
    for other in ({"suffix": "x"}, {"metadata": {"a": "b"}}, {"seed": 5}):
        answer = api.post("fine_tuning/jobs", {**training, **other}, headers=header)
        assert answer.error == (409, "idempotency_key_reused", "Idempotency-Key")
    for key in ("", "x" * 256, "a\x01"):
        answer = api.post("fine_tuning/jobs", training, headers={"Idempotency-Key": key})
        assert answer.error == (400, "invalid_value", "Idempotency-Key")
