"""A run of two processes, from the API through the local launcher and torchrun to a model version."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.end_to_end.invented_company import conversations
from tests.engines.training.tiny import make_model
from tests.installation import (
    TINY,
    TWO_CORES,
    Member,
    create_organization,
    register_models,
    running_installation,
    temporary_folder,
)

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]

STEPS = 4
JOB_SECONDS = 500


@pytest.fixture
def owner() -> Iterator[Member]:
    """In an installation of its own: the other tests' gives each job one core."""
    with temporary_folder("two-processes") as folder:
        tiny = make_model(folder / "models" / TINY)
        with running_installation(
            folder / "var", KOSHA_MODEL_ROOTS=str(tiny.parent), **TWO_CORES
        ) as installation:
            register_models(installation, tiny)
            yield create_organization(installation, "two-processes").owner


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two processes need two cores")
def test_two_processes_train_one_model(owner, company):
    content = conversations([company.fact() for _ in range(8)])
    file = owner.openai.files.create(file=("pairs.jsonl", content), purpose="fine-tune")
    owner.openai.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=180)
    hyperparameters = {
        "sequence_length": 256, "tokens_per_step": 512, "lora_rank": 4, "epochs": 10, "max_steps": STEPS,
        "learning_rate": 1e-2,
    }  # fmt: skip
    run = owner.openai.fine_tuning.jobs.create(
        model=TINY,
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        extra_body={"distributed": {"processes": 2, "zero_stage": 1}},
    )
    owner.api.wait_for_job(run.kosha["job"], seconds=JOB_SECONDS)
    run = owner.openai.fine_tuning.jobs.retrieve(run.id)
    assert run.kosha["result"]["steps"] == STEPS
    assert run.kosha["result"]["loss_last"] < run.kosha["result"]["loss_first"]
    assert owner.openai.models.retrieve(run.fine_tuned_model).id == run.fine_tuned_model
    events = owner.api.get(f"/jobs/{run.kosha['job']}/events", limit=100).ok["data"]
    steps = sorted(event["data"]["step"] for event in events if event["type"] == "metrics")
    assert steps[-1] == STEPS
    assert len(steps) == len(set(steps))  # only one rank reports
