"""The steps from documents to a served model: how far an organization is, and what to do next.

Each step tells of the newest thing of its kind, so a tick means that the newest one is well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.permissions import Permission
from console.formats import count_of, number
from console.newest import (
    fresh_documents,
    newest_dataset_version,
    newest_model_version,
    unpublished_release,
    unreleased_version,
    untrained_dataset_version,
    withdrawn_deployment,
)
from console.states import state_of
from console.steps import Step, StepState
from curation.models import DatasetVersion
from documents.models import RevisionState
from documents.selectors import company_documents
from evaluations.models import Evaluation, Verdict
from evaluations.selectors import evaluation_list
from jobs.produced import ProducedRow, ProducedState
from jobs.selectors import running_first
from jobs.transitions import JobState
from pipelines.retraining import CURATION, EVALUATION, RELEASE, RETRAINING, TRAINING
from releases.labels import alias_label
from releases.models import Deployment, Release, ReleaseState
from releases.policy import verdict_in_force
from releases.selectors import release_list
from training.models import TrainingRun
from training.selectors import run_list

WorkT = TypeVar("WorkT", bound=ProducedRow)


def onboarding_steps() -> list[Step]:
    """Documents first, then the stages that every retraining passes, then serving."""
    required = [stage for stage in RETRAINING.stages if not stage.is_optional]
    return [_documents(), *(_STAGES[stage.name](str(stage.label)) for stage in required), _serving()]


def _documents() -> Step:
    read = count_of(company_documents().filter(current_revision__state=RevisionState.PROCESSED))
    reading = count_of(company_documents().filter(current_revision__state=RevisionState.UPLOADED))
    notes = [_("%(n)s read") % {"n": read}] if read != "0" else []
    notes += [_("%(n)s waiting or being read") % {"n": reading}] if reading != "0" else []
    is_first_reading = read == "0" and reading != "0"
    state = StepState.RUNNING if is_first_reading else StepState.NOT_YET
    return Step(
        key="documents",
        name=_("Documents"),
        state=state if read == "0" else StepState.DONE,
        note=", ".join(notes) or _("none yet"),
        url=reverse("documents:index"),
        advice=_in_progress()
        if is_first_reading
        else _("Upload your company's documents: regulations, manuals, FAQ sheets, minutes."),
        label=_("View") if is_first_reading else _("Upload documents"),
        permission=Permission.DOCUMENTS_READ if is_first_reading else Permission.DOCUMENTS_WRITE,
    )


def _in_progress() -> str:
    return _("It is in progress. This page updates by itself.")


Work = DatasetVersion | TrainingRun | Evaluation


def _of_work(key: str, name: str, work: Work, permission: Permission) -> Step:
    """The step of what is being made now, or of what failed."""
    if not work.is_building:
        state, advice = StepState.FAILED, _("It failed. Its page says why and what to do.")
    elif work.job.state == JobState.PAUSED:
        state, advice = StepState.WAITING, _("It is paused. Resume it or stop it on its page.")
    elif work.job.state == JobState.QUEUED:
        state, advice = (
            StepState.QUEUED,
            _("It waits in line and starts by itself. Its page says why it waits."),
        )
    else:
        state, advice = StepState.RUNNING, _in_progress()
    return Step(
        key=key,
        name=name,
        state=state,
        note=f"{work}: {state_of(work.shown_state).label}",
        url=work.get_absolute_url(),
        advice=advice,
        label=_("View") if work.is_building else _("See why"),
        permission=permission,
    )


def _last(rows: QuerySet[WorkT], after: Model | None) -> WorkT | None:
    """Of those of `rows` that are newer than `after` and were not cancelled: what is being made now, running before
    waiting before paused; else the newest."""
    candidates = rows.exclude(state=ProducedState.CANCELLED)
    if after is not None:
        candidates = candidates.filter(pk__gt=after.pk)
    building = candidates.filter(state=ProducedState.BUILDING).order_by(running_first("job__state"), "-id")
    return building.first() or candidates.order_by("-id").first()


def _dataset(name: str) -> Step:
    newest = newest_dataset_version()
    last = _last(DatasetVersion.objects.select_related("dataset", "job").defer("job__spec"), newest)
    if last is not None and (last.is_building or newest is None):
        return _of_work("dataset", name, last, Permission.DATASETS_READ)
    fresh = fresh_documents(newest).count() if newest else 0
    if newest is None:
        state, note, url = StepState.NOT_YET, _("none yet"), reverse("datasets:index")
        advice = _("Build a dataset from your documents and look at what was kept and dropped.")
    elif fresh:
        state, url = StepState.STALE, reverse("datasets:build", args=[newest.dataset_id])
        note = f"{newest}, " + ngettext(
            "%(n)s document new or changed since", "%(n)s documents new or changed since", fresh
        ) % {"n": number(fresh)}
        advice = _("Documents are new or changed since the newest dataset version. Build the next one.")
    else:
        state, note, url, advice = StepState.DONE, str(newest), newest.get_absolute_url(), ""
    return Step(
        key="dataset",
        name=name,
        state=state,
        note=note,
        url=url,
        advice=advice,
        label=_("Build a new version") if newest else _("Go to datasets"),
        permission=Permission.DATASETS_WRITE,
    )


def _training(name: str) -> Step:
    newest = newest_model_version()
    last = _last(run_list(), None)
    if last is not None and (last.is_building or newest is None):
        return _of_work("training", name, last, Permission.TRAINING_READ)
    untrained = untrained_dataset_version()
    if newest is None:
        state, note = StepState.NOT_YET, _("none yet")
        advice = _("Train a base model on the dataset. The time it takes is shown before it starts.")
    elif untrained is not None:
        state = StepState.STALE
        note = _("%(model)s; not trained on %(dataset)s yet") % {"model": newest, "dataset": untrained}
        advice = _("The newest dataset version is not in any model. Train on it.")
    else:
        state, note, advice = StepState.DONE, str(newest), ""
    return Step(
        key="training",
        name=name,
        state=state,
        note=note,
        url=reverse("training:create") if state is StepState.STALE else reverse("training:index"),
        advice=advice,
        label=_("Go to training"),
        permission=Permission.TRAINING_RUN,
    )


GATE_NOTES: dict[str, Promise] = {
    Verdict.PASSED: gettext_lazy("gate passed"),
    Verdict.FAILED: gettext_lazy("gate not passed"),
    Verdict.INCONCLUSIVE: gettext_lazy("gate inconclusive"),
}

GATE_STATES: dict[str, StepState] = {
    Verdict.PASSED: StepState.DONE,
    Verdict.FAILED: StepState.FAILED,
    Verdict.INCONCLUSIVE: StepState.INCONCLUSIVE,
}


def _evaluation(name: str) -> Step:
    """Of the newest model version: that an older one passed says nothing about it."""
    version = newest_model_version()
    rows = evaluation_list().filter(model_version=version) if version else Evaluation.objects.none()
    verdict = verdict_in_force(version) if version else None
    last = _last(rows, verdict)
    if last is not None and (last.is_building or (last.state == ProducedState.FAILED and verdict is None)):
        return _of_work("evaluation", name, last, Permission.EVALUATIONS_READ)
    if verdict is not None:
        return _judged(name, verdict)
    of_base = version is None and evaluation_list().filter(state=ProducedState.READY).exists()
    none = _("the base model is measured; no model of your own yet") if of_base else _("none yet")
    return Step(
        key="evaluation",
        name=name,
        state=StepState.NOT_YET,
        note=_("%(model)s is not evaluated yet") % {"model": version} if version else none,
        url=reverse("evaluations:create") if version else reverse("evaluations:index"),
        advice=_("Compare the trained model with its base model on texts and questions it has not seen."),
        label=_("Evaluate it") if version else _("Go to evaluations"),
        permission=Permission.EVALUATIONS_RUN,
    )


def _judged(name: str, verdict: Evaluation) -> Step:
    return Step(
        key="evaluation",
        name=name,
        state=GATE_STATES[verdict.verdict],
        note=str(GATE_NOTES[verdict.verdict]),
        url=verdict.get_absolute_url(),
        advice=_(
            "The evaluation of the newest model version did not decide its gate, so it cannot be released yet. Its "
            "page names the reason and what to do."
        )
        if verdict.verdict == Verdict.INCONCLUSIVE
        else _(
            "The newest model version did not pass its gate, so it cannot be released. See which figures were "
            "worse, add documents or question sheets, and train again."
        ),
        label=_("See why"),
        permission=Permission.EVALUATIONS_READ,
    )


def _release(name: str) -> Step:
    newest: Release | None = release_list().order_by("-number").first()
    unreleased = unreleased_version()
    permission, label = Permission.RELEASES_WRITE, _("New release")
    note = _("none yet")
    if newest is not None:
        note = _("Release %(n)d, %(state)s") % {"n": newest.number, "state": newest.get_state_display()}
    if newest is not None and newest.state == ReleaseState.CANDIDATE:
        state, url, label = StepState.WAITING, newest.get_absolute_url(), _("Review")
        permission = Permission.RELEASES_APPROVE
        advice = _("A second person approves the release: model, search index and prompt together.")
    elif unreleased is not None:
        state, url = StepState.STALE if newest else StepState.NOT_YET, reverse("releases:create")
        advice = _("%(model)s passed its gate and is in no release yet.") % {"model": unreleased}
    elif newest is not None and newest.state == ReleaseState.REJECTED:
        state, url = StepState.FAILED, newest.get_absolute_url()
        advice, label = _("The newest release was rejected. Its page says why; make another."), _("See why")
        permission = Permission.RELEASES_READ
    elif newest is not None:
        state, url, advice = StepState.DONE, newest.get_absolute_url(), ""
    else:
        state, url = StepState.NOT_YET, reverse("releases:create")
        advice = _("Put model, search index and prompt together into a release, and have it approved.")
    return Step("release", name, state, note, url, advice, label, permission)


def _serving() -> Step:
    served: Deployment | None = (
        Deployment.objects.filter(is_in_service=True)
        .select_related("release")
        .order_by("-release__number")
        .first()
    )
    waiting = unpublished_release()
    note = _("not yet")
    if served is not None:
        note = _("Release %(n)d as %(alias)s") % {
            "n": served.release.number,
            "alias": alias_label(served.alias),
        }
    advice = _("Publish an approved release. From then on it answers your colleagues and programs.")
    url = reverse("chat:index") if served else reverse("releases:index")
    if withdrawn := withdrawn_deployment():
        note = _("Release %(n)d was taken out of service") % {"n": withdrawn.release.number}
        url = withdrawn.get_absolute_url()
    state = StepState.DONE if served else StepState.NOT_YET
    if waiting is not None:
        state, url = StepState.WAITING, waiting.get_absolute_url()
        advice = _("%(release)s is approved and not published. Publish it, so that it answers.") % {
            "release": waiting
        }
    return Step(
        key="served",
        name=_("Served"),
        state=state,
        note=note,
        url=url,
        advice=advice,
        label=_("Publish") if waiting else _("Go to releases"),
        permission=Permission.RELEASES_PUBLISH,
    )


_STAGES: dict[str, Callable[[str], Step]] = {
    CURATION.name: _dataset,
    TRAINING.name: _training,
    EVALUATION.name: _evaluation,
    RELEASE.name: _release,
}
