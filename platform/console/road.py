"""The road from documents to a served model: how far an organization is, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from common.permissions import Permission
from console.formats import number
from curation.models import DatasetVersion
from documents.models import RevisionState
from documents.selectors import company_documents, document_list
from evaluations.models import Evaluation
from evaluations.selectors import evaluation_list
from jobs.models import Job
from jobs.produced import ProducedState
from jobs.selectors import job_list
from jobs.transitions import ACTIVE, JobState
from jobs.types import job_types
from registry.models import ModelVersion
from registry.selectors import model_version_list
from releases.models import Deployment, Release, ReleaseState
from releases.selectors import deployment_list, release_list
from schedules.models import Schedule
from schedules.selectors import schedule_list

MOST_COUNTED = 10_000
"""Beyond it a count costs more than it tells, and `10,000+` is shown."""

FAILURES_OF = timedelta(days=7)


@dataclass(frozen=True)
class Step:
    name: str
    note: str
    url: str
    is_done: bool
    advice: str
    """What to do, where this is the next step."""
    label: str
    """Of the button that does it."""
    permission: Permission


def road() -> list[Step]:
    return [_documents(), _dataset(), _training(), _evaluation(), _release(), _served()]


def _documents() -> Step:
    ready = counted(company_documents().filter(current_revision__state=RevisionState.PROCESSED))
    return Step(
        name=_("Documents"),
        note=_("%(n)s read") % {"n": ready} if ready != "0" else _("none yet"),
        url=reverse("documents:index"),
        is_done=ready != "0",
        advice=_("Upload your company's documents: regulations, manuals, FAQ sheets, minutes."),
        label=_("Upload documents"),
        permission=Permission.DOCUMENTS_WRITE,
    )


def _dataset() -> Step:
    newest: DatasetVersion | None = (
        DatasetVersion.objects.filter(state=ProducedState.READY)
        .select_related("dataset")
        .order_by("-id")
        .first()
    )
    return Step(
        name=_("Dataset"),
        note=str(newest) if newest else _("none yet"),
        url=newest.get_absolute_url() if newest else reverse("datasets:index"),
        is_done=newest is not None,
        advice=_("Build a dataset from your documents and look at what was kept and dropped."),
        label=_("To the datasets"),
        permission=Permission.DATASETS_WRITE,
    )


def _training() -> Step:
    newest: ModelVersion | None = model_version_list().order_by("-id").first()
    return Step(
        name=_("Training"),
        note=_("%(model)s, version %(n)d") % {"model": newest.suffix, "n": newest.number}
        if newest
        else _("none yet"),
        url=address("training:index"),
        is_done=newest is not None,
        advice=_("Train a base model on the dataset. You see the time it takes before it starts."),
        label=_("To the trainings"),
        permission=Permission.TRAINING_RUN,
    )


def _evaluation() -> Step:
    newest: Evaluation | None = evaluation_list().exclude(passed=None).order_by("-id").first()
    verdict = "" if newest is None else _("gate passed") if newest.passed else _("gate not passed")
    return Step(
        name=_("Evaluation"),
        note=verdict or _("none yet"),
        url=address("evaluations:index"),
        is_done=newest is not None,
        advice=_("Measure the trained model beside its base, on texts and questions it has not seen."),
        label=_("To the evaluations"),
        permission=Permission.EVALUATIONS_RUN,
    )


def _release() -> Step:
    newest: Release | None = release_list().order_by("-id").first()
    return Step(
        name=_("Release"),
        note=_("Release %(n)d, %(state)s") % {"n": newest.number, "state": newest.get_state_display()}
        if newest
        else _("none yet"),
        url=address("releases:index"),
        is_done=newest is not None and newest.state != ReleaseState.CANDIDATE,
        advice=_("A second person approves the release: model, search index and prompt together.")
        if newest
        else _("Put model, search index and prompt together into a release, and have it approved."),
        label=_("To the releases"),
        permission=Permission.RELEASES_APPROVE if newest else Permission.RELEASES_WRITE,
    )


def _served() -> Step:
    first: Deployment | None = deployment_list().order_by("id").first()
    return Step(
        name=_("Served"),
        note=_("Release %(n)d as %(alias)s") % {"n": first.release.number, "alias": first.alias}
        if first
        else _("not yet"),
        url=address("chat:index") if first else address("releases:index"),
        is_done=first is not None,
        advice=_("Publish an approved release; from then on colleagues and programs get its answers."),
        label=_("To the releases"),
        permission=Permission.RELEASES_PUBLISH,
    )


def address(name: str) -> str:
    """Home stands in for a room that this installation does not route."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return reverse("home")


def counted(rows: QuerySet) -> str:
    found = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"{number(MOST_COUNTED)}+" if found > MOST_COUNTED else number(found)


# -- what needs somebody -------------------------------------------------------------------------
@dataclass(frozen=True)
class Needs:
    approvals: list[Release]
    failures: list[Job]
    unreadable: str
    """How many documents could not be read; empty: none."""

    def __bool__(self) -> bool:
        return bool(self.approvals or self.failures or self.unreadable)


def needs() -> Needs:
    broken = document_list().filter(current_revision__state=RevisionState.FAILED)
    unreadable = counted(broken)
    return Needs(
        approvals=list(release_list().filter(state=ReleaseState.CANDIDATE).order_by("-id")[:5]),
        failures=list(
            job_list(state=JobState.FAILED)
            .exclude(kind__in=[known.name for known in job_types() if not known.failures_on_home])
            .filter(ended_at__gt=timezone.now() - FAILURES_OF)
            .order_by("-id")[:5]
        ),
        unreadable="" if unreadable == "0" else unreadable,
    )


def running_jobs() -> list[Job]:
    return list(job_list().filter(state__in=[JobState.QUEUED, *ACTIVE]).order_by("id")[:8])


def next_schedule() -> Schedule | None:
    return schedule_list().filter(is_active=True).order_by("next_fire_at").first()
