"""Reads: suites and evaluations, and the items an evaluation's figures can be computed from."""

from __future__ import annotations

from pathlib import Path

from django.db.models import QuerySet

from common.errors import NotFound
from common.storage import artifact_path
from evaluations.models import Evaluation, Suite
from registry.models import ModelVersion

EVALUATIONS = "evaluations"
"""The artefact kind under which an evaluation's folder is kept."""


def suite_list() -> QuerySet[Suite]:
    return Suite.objects.all()


def suite_get(id: str, *, param: str | None = None) -> Suite:
    suite = Suite.objects.filter(pk=id).first()
    if suite is None:
        raise NotFound(param=param)
    return suite


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


def latest_verdict(version: ModelVersion) -> Evaluation | None:
    """The newest evaluation of a version that has a verdict."""
    return evaluation_list().filter(model_version=version).exclude(passed=None).order_by("-id").first()


def items_path(evaluation: Evaluation) -> Path:
    return artifact_path(evaluation.organization_id, EVALUATIONS, evaluation.id) / "items.jsonl"
