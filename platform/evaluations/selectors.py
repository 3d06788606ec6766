"""Reads: suites and evaluations, and the items an evaluation's figures can be computed from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.db.models import QuerySet

from common.errors import NotFound
from common.storage import artifact_path
from evaluations.models import Evaluation, Suite
from registry.models import ModelVersion
from workers.contract.specs.evaluation import DEFAULT_TASKS
from workers.contract.specs.gate import DEFAULT_GATE
from workers.contract.specs.tasks.declaration import TASKS

EVALUATIONS = "evaluations"
"""The artefact kind under which an evaluation's folder is kept."""


def suite_list() -> QuerySet[Suite]:
    return Suite.objects.all()


def named_suites() -> QuerySet[Suite]:
    """To choose from beside the default suite, which the platform may have made by now, without a name."""
    return Suite.objects.exclude(name="").order_by("name")


def suite_get(id: str, *, param: str | None = None) -> Suite:
    suite = Suite.objects.filter(pk=id).first()
    if suite is None:
        raise NotFound(param=param)
    return suite


def equivalent_suites(suite: Suite | None) -> QuerySet[Suite]:
    """The suites that measure and demand exactly what `suite` does; None: what the platform does by default."""
    tasks = suite.tasks if suite else TASKS.dump_python(DEFAULT_TASKS, mode="json")
    gate = suite.gate if suite else DEFAULT_GATE.model_dump(mode="json")
    return Suite.objects.filter(tasks=tasks, gate=gate)


def evaluation_list(suite: Suite | None = None) -> QuerySet[Evaluation]:
    rows = Evaluation.objects.select_related(
        "suite", "job", "base_model", "model_version", "dataset_version"
    ).defer("job__spec")
    return rows.filter(suite=suite) if suite else rows


def evaluation_get(id: str, *, suite_id: str | None = None, param: str | None = None) -> Evaluation:
    rows = evaluation_list().filter(pk=id)
    evaluation = (rows.filter(suite_id=suite_id) if suite_id else rows).first()
    if evaluation is None:
        raise NotFound(param=param)
    return evaluation


def latest_verdicts(versions: Iterable[ModelVersion], suites: QuerySet[Suite]) -> dict[str, Evaluation]:
    """The newest evaluation with a verdict of each version under one of the suites, by the version's id."""
    rows = evaluation_list().filter(model_version__in=versions, suite__in=suites).exclude(verdict="")
    return {str(evaluation.model_version_id): evaluation for evaluation in rows.order_by("id")}


def items_path(evaluation: Evaluation) -> Path:
    return artifact_path(evaluation.organization_id, EVALUATIONS, evaluation.id) / "items.jsonl"
