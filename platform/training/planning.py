"""The planner's input from the database: a dataset version's counts and what earlier runs measured."""

from __future__ import annotations

from curation.models import DatasetVersion
from jobs.clusters import cluster_default
from jobs.models import Cluster
from jobs.transitions import JobState
from registry.models import BaseModel
from training.methods import learns_from
from training.models import TrainingRun
from training.planner import Data, Machine, Measured, Model, Plan, plan
from training.selectors import training_records
from workers.contract.model_shape import ModelShape
from workers.contract.specs.training import Hyperparameters

RUNS_LOOKED_AT = 3


def plan_run(
    *,
    base_model: BaseModel,
    dataset_version: DatasetVersion,
    method: str,
    hyperparameters: Hyperparameters,
    cluster: Cluster | None = None,
) -> Plan:
    machine = cluster or cluster_default()
    return plan(
        model_of(base_model),
        data_of(dataset_version),
        hyperparameters,
        Machine(cpus=machine.cpus, gpus=machine.gpus),
        measured=measured_of(base_model),
        with_texts="texts" in learns_from(method),
    )


def model_of(base_model: BaseModel) -> Model:
    shape = ModelShape(
        hidden_size=base_model.hidden_size,
        layers=base_model.layers,
        vocabulary_size=base_model.vocabulary_size,
        context_length=base_model.context_length,
    )
    return Model(base_model.parameters, shape)


def data_of(version: DatasetVersion) -> Data:
    """The training split. Its share of the characters is estimated from its share of the records."""
    counts, training = version.result, training_records(version)
    total = counts["records"] + counts["pairs"] + counts["conversations"]
    share = sum(training.values()) / total if total else 0.0
    return Data(
        characters=round(counts["characters"] * share), texts=training["texts"], pairs=training["examples"]
    )


def measured_of(base_model: BaseModel) -> list[Measured]:
    """The newest finished runs on the same base model."""
    runs = (
        TrainingRun.objects.filter(base_model=base_model, job__state=JobState.SUCCEEDED)
        .exclude(result={})
        .select_related("dataset_version")
        .order_by("-id")[:RUNS_LOOKED_AT]
    )
    return [_measured(run) for run in runs]


def _measured(run: TrainingRun) -> Measured:
    """Tokens per character are known only where the run saw running text alone, and all of it."""
    settings = Hyperparameters.model_validate(run.hyperparameters)
    rate = None
    if run.dataset_version is not None and settings.max_steps is None:
        data = data_of(run.dataset_version)
        if data.pairs == 0 and data.characters:
            rate = run.result["tokens"] / (data.characters * settings.epochs)
    return Measured(tokens_per_second=run.result["tokens_per_second"], tokens_per_character=rate)
