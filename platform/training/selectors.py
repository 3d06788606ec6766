"""Reads: training runs, their status as OpenAI names it, and the training records of a dataset version."""

from __future__ import annotations

from django.db.models import QuerySet

from common.errors import NotFound
from curation.models import DatasetVersion
from jobs.selectors import public_state
from training.methods import RecordKind
from training.models import TrainingRun

# Our states as OpenAI's fine-tuning clients know them.
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


def wire_status(run: TrainingRun) -> str:
    state = public_state(run.job)
    return WIRE_STATUS.get(state, state)


def training_records(version: DatasetVersion) -> dict[RecordKind, int]:
    """The records of the training split by kind, without those held out."""
    counts = version.result
    heldout_examples = counts["heldout_pairs"] + counts["heldout_conversations"]
    return {
        "texts": counts["records"] - counts["heldout_records"],
        "examples": counts["pairs"] + counts["conversations"] - heldout_examples,
    }
