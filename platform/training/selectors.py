"""Reads: training runs, their state as OpenAI words it, and their checkpoints."""

from __future__ import annotations

from django.db.models import QuerySet

from common.errors import NotFound
from jobs.selectors import public_state
from registry.models import ModelVersion
from training.models import Checkpoint, TrainingRun

# What OpenAI's fine-tuning clients expect to read for our states.
WIRE_STATUS = {"starting": "queued", "pausing": "running", "cancelling": "running"}


def run_list() -> QuerySet[TrainingRun]:
    return TrainingRun.objects.select_related(
        "job__cluster", "base_model", "parent", "model_version", "dataset_version", "training_revision"
    ).defer("job__spec")


def run_get(id: str) -> TrainingRun:
    run = run_list().filter(pk=id).first()
    if run is None:
        raise NotFound
    return run


def run_of_version(version: ModelVersion) -> TrainingRun | None:
    return run_list().filter(pk=version.training_run_id).first()


def wire_status(run: TrainingRun) -> str:
    state = public_state(run.job)
    return WIRE_STATUS.get(state, state)


def checkpoint_list(run: TrainingRun) -> QuerySet[Checkpoint]:
    return run.checkpoints.all()
