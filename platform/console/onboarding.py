"""The steps from documents to a served model: how far an organization is, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from common.permissions import Permission
from console.formats import count_of
from curation.models import DatasetVersion
from documents.models import RevisionState
from documents.selectors import company_documents
from evaluations.models import Evaluation
from evaluations.selectors import evaluation_list
from jobs.produced import ProducedState
from pipelines.retraining import CURATION, EVALUATION, RELEASE, RETRAINING, TRAINING
from registry.models import ModelVersion
from registry.selectors import model_version_list
from releases.models import Deployment, Release, ReleaseState
from releases.selectors import release_list


@dataclass(frozen=True)
class Step:
    name: str
    note: str
    """What there is already."""
    url: str
    is_done: bool
    advice: str
    """What to do, where this is the next step."""
    label: str
    """Of the button that does it."""
    permission: Permission


def onboarding_steps() -> list[Step]:
    """Documents first, then the stages that every retraining passes, then serving."""
    required = [stage for stage in RETRAINING.stages if not stage.is_optional]
    return [_documents(), *(_STAGES[stage.name](str(stage.label)) for stage in required), _serving()]


def _documents() -> Step:
    read = count_of(company_documents().filter(current_revision__state=RevisionState.PROCESSED))
    return Step(
        name=_("Documents"),
        note=_("%(n)s read") % {"n": read} if read != "0" else _("none yet"),
        url=reverse("documents:index"),
        is_done=read != "0",
        advice=_("Upload your company's documents: regulations, manuals, FAQ sheets, minutes."),
        label=_("Upload documents"),
        permission=Permission.DOCUMENTS_WRITE,
    )


def _dataset(name: str) -> Step:
    ready = DatasetVersion.objects.filter(state=ProducedState.READY).select_related("dataset")
    newest: DatasetVersion | None = ready.order_by("-id").first()
    return Step(
        name=name,
        note=str(newest) if newest else _("none yet"),
        url=newest.get_absolute_url() if newest else reverse("datasets:index"),
        is_done=newest is not None,
        advice=_("Build a dataset from your documents and look at what was kept and dropped."),
        label=_("Go to datasets"),
        permission=Permission.DATASETS_WRITE,
    )


def _training(name: str) -> Step:
    newest: ModelVersion | None = model_version_list().order_by("-id").first()
    note = newest and _("%(model)s, version %(n)d") % {"model": newest.suffix, "n": newest.number}
    return Step(
        name=name,
        note=note or _("none yet"),
        url=reverse("training:index"),
        is_done=newest is not None,
        advice=_("Train a base model on the dataset. The time it takes is shown before it starts."),
        label=_("Go to training"),
        permission=Permission.TRAINING_RUN,
    )


def _evaluation(name: str) -> Step:
    newest: Evaluation | None = evaluation_list().exclude(passed=None).order_by("-id").first()
    verdict = newest and (_("gate passed") if newest.passed else _("gate not passed"))
    return Step(
        name=name,
        note=verdict or _("none yet"),
        url=reverse("evaluations:index"),
        is_done=newest is not None,
        advice=_("Compare the trained model with its base model on texts and questions it has not seen."),
        label=_("Go to evaluations"),
        permission=Permission.EVALUATIONS_RUN,
    )


def _release(name: str) -> Step:
    newest: Release | None = release_list().order_by("-id").first()
    if newest is None:
        note, permission = _("none yet"), Permission.RELEASES_WRITE
        advice = _("Put model, search index and prompt together into a release, and have it approved.")
    else:
        state = newest.get_state_display()
        note, permission = (
            _("Release %(n)d, %(state)s") % {"n": newest.number, "state": state},
            Permission.RELEASES_APPROVE,
        )
        advice = _("A second person approves the release: model, search index and prompt together.")
    return Step(
        name=name,
        note=note,
        url=reverse("releases:index"),
        is_done=newest is not None and newest.state != ReleaseState.CANDIDATE,
        advice=advice,
        label=_("Go to releases"),
        permission=permission,
    )


def _serving() -> Step:
    first: Deployment | None = Deployment.objects.select_related("release").order_by("id").first()
    note = first and _("Release %(n)d as %(alias)s") % {"n": first.release.number, "alias": first.alias}
    return Step(
        name=_("Served"),
        note=note or _("not yet"),
        url=reverse("chat:index") if first else reverse("releases:index"),
        is_done=first is not None,
        advice=_("Publish an approved release. From then on it answers your colleagues and programs."),
        label=_("Go to releases"),
        permission=Permission.RELEASES_PUBLISH,
    )


_STAGES: dict[str, Callable[[str], Step]] = {
    CURATION.name: _dataset,
    TRAINING.name: _training,
    EVALUATION.name: _evaluation,
    RELEASE.name: _release,
}
