"""The parts of a release: everything that decided what it answers, and what allowed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from curation.models import DatasetVersion
from evaluations.models import Suite
from registry.models import ModelVersion
from releases.models import Release, ReleaseState
from retrieval.models import IndexBuild
from training.models import TrainingRun


class PartKind(models.TextChoices):
    RELEASE = "release", _("release")
    PROMPT = "prompt", _("prompt and settings")
    POLICY = "policy", _("release policy")
    MODEL_VERSION = "model_version", _("model version")
    TRAINING_RUN = "training_run", _("training")
    TRAINING_FILE = "training_file", _("training file")
    DATASET = "dataset", _("dataset")
    DATASET_VERSION = "dataset_version", _("dataset version")
    RECIPE = "recipe", _("recipe")
    EVALUATION = "evaluation", _("evaluation")
    SUITE = "suite", _("suite")
    KNOWLEDGE_BASE = "knowledge_base", _("knowledge base")
    INDEX_BUILD = "index_build", _("index")
    SCHEDULE = "schedule", _("schedule")


@dataclass(frozen=True)
class Part:
    kind: PartKind
    id: str
    after: str | None = None
    """Only work since this other part began counts: two people have approved what came before."""
    before: str | None = None
    """Only work before this other part began counts: later work is not in it."""


def parts_of(release: Release) -> list[Part]:
    """A part may be used twice, for example a dataset version for training and for evaluation."""
    origin = release.prompt_from_id
    found = [
        Part(PartKind.RELEASE, release.id),
        Part(PartKind.PROMPT, origin or release.id),
        *_policy(release),
        *_model(release),
        *_evaluation(release),
        *(_index(release.index_build, release) if release.index_build else ()),
    ]
    return list(dict.fromkeys(found))


def _policy(release: Release) -> Iterable[Part]:
    if release.policy is not None:
        yield Part(PartKind.POLICY, release.policy.id)
        yield from _suite(release.policy.suite)


def _suite(suite: Suite) -> Iterable[Part]:
    yield Part(PartKind.SUITE, suite.id)


def _model(release: Release) -> Iterable[Part]:
    """The version, and the versions it continues, back to one that two people have approved already."""
    version = release.model_version
    while version is not None:
        yield Part(PartKind.MODEL_VERSION, version.id)
        yield from _training(version)
        version = version.parent
        if version is not None and _is_approved(version, release):
            return


def _is_approved(version: ModelVersion, but: Release) -> bool:
    return version.releases.filter(state=ReleaseState.APPROVED).exclude(pk=but.pk).exists()


def _training(version: ModelVersion) -> Iterable[Part]:
    yield Part(PartKind.TRAINING_RUN, version.training_run_id)
    runs = TrainingRun.objects.select_related("dataset_version__dataset", "training_revision")
    run = runs.filter(pk=version.training_run_id).first()
    if run is not None and run.dataset_version is not None:
        yield from _dataset(run.dataset_version)
    if run is not None and run.training_revision is not None:
        yield Part(PartKind.TRAINING_FILE, run.training_revision.document_id, before=run.id)


def _dataset(version: DatasetVersion) -> Iterable[Part]:
    yield Part(PartKind.DATASET_VERSION, version.id)
    yield Part(PartKind.DATASET, version.dataset_id, before=version.id)
    if version.dataset.recipe_id is not None:
        yield Part(PartKind.RECIPE, version.dataset.recipe_id, before=version.id)


def _evaluation(release: Release) -> Iterable[Part]:
    if release.evaluation is not None:
        yield Part(PartKind.EVALUATION, release.evaluation.id)
        yield from _suite(release.evaluation.suite)
        yield from _dataset(release.evaluation.dataset_version)


def _index(build: IndexBuild, release: Release) -> Iterable[Part]:
    """The knowledge base counts with what was done to it since its last build that two people have approved."""
    approved = (
        IndexBuild.objects.filter(
            knowledge_base=build.knowledge_base_id,
            number__lt=build.number,
            releases__state=ReleaseState.APPROVED,
        )
        .exclude(releases=release)
        .order_by("-number")
        .first()
    )
    yield Part(PartKind.INDEX_BUILD, build.id)
    yield Part(
        PartKind.KNOWLEDGE_BASE,
        build.knowledge_base_id,
        after=approved.id if approved else None,
        before=build.id,
    )
