"""What a decision on a release is about, as one digest: if a part changes afterwards, the approval no longer holds."""

from __future__ import annotations

from typing import Any

from common.digests import value_digest
from curation.models import DatasetVersion
from evaluations.models import Evaluation, Suite
from registry.models import ModelVersion
from releases.models import Release
from training.models import TrainingRun


def contents_digest(release: Release) -> str:
    """Read from the database now, whatever `release` has loaded before."""
    release = Release.objects.select_related(
        "base_model", "model_version", "index_build", "evaluation__suite", "policy__suite"
    ).get(pk=release.pk)
    build = release.index_build
    contents = {
        "base_model": release.base_model.digest,
        "model": release.model_version and _model(release.model_version),
        "index": build and [build.id, build.manifest_sha256],
        "evaluation": release.evaluation and _evaluation(release.evaluation),
        "policy": release.policy and [release.policy.id, *_suite(release.policy.suite)],
        "system_prompt": release.system_prompt,
        "generation": release.generation,
    }
    return value_digest(contents)


def _model(version: ModelVersion) -> list[Any]:
    run = TrainingRun.objects.select_related("dataset_version").filter(pk=version.training_run_id).first()
    return [
        version.id,
        version.manifest_sha256,
        version.parent_id,
        run and [run.hyperparameters, run.training_revision_id, _dataset(run.dataset_version)],
    ]


def _evaluation(evaluation: Evaluation) -> list[Any]:
    return [
        evaluation.id,
        evaluation.passed,
        evaluation.manifest_sha256,
        _dataset(evaluation.dataset_version),
        *_suite(evaluation.suite),
    ]


def _suite(suite: Suite) -> list[Any]:
    return [suite.id, suite.tasks, suite.gate]


def _dataset(version: DatasetVersion | None) -> list[Any] | None:
    return [version.id, version.manifest_sha256, version.recipe] if version else None
