"""The road of a scheduled run: curate, train, evaluate, index, and a candidate release at its end.

`scheduled_run_advance` does what can be done now and may be called at any time, by anybody, as often
as one likes: the run's row is locked, what a stage starts is noted in the same transaction, and a
stage whose job still runs is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import Actor
from common.connections import is_away
from common.errors import KoshaError
from common.tenancy import every_organization, organization_scope
from curation.models import DatasetVersion, DatasetVersionState
from curation.selectors import recipe_content
from curation.services import dataset_version_create
from documents.models import Document
from documents.selectors import ready_documents
from evaluations.services import evaluation_create
from jobs.api import job_error_body
from jobs.models import Job
from jobs.selectors import public_state
from jobs.transitions import JobState
from registry.models import BaseModel, ModelVersion
from registry.selectors import latest_version
from releases.models import Deployment, Release
from releases.services import release_create
from retrieval.models import IndexBuildState
from retrieval.selectors import latest_build
from retrieval.services import documents_add, index_build_if_needed
from schedules.models import Schedule, ScheduledRun, Stage
from training.hyperparameters import hyperparameters
from training.models import MethodType
from training.services import training_run_create

logger = logging.getLogger(__name__)

FRUITLESS = (IndexBuildState.FAILED, IndexBuildState.CANCELLED)
PATIENCE = timedelta(hours=24)
"""For a full disk or a server that is away: somebody has to notice, which takes until the next working day."""
HELDOUT_SHARE = 0.1
PERSON = "schedule"
"""Stands for the maker of a scheduled release, so that any reviewer may approve it."""


def scheduled_runs_advance() -> int:
    """Carry every run under way one step further; answers how many there are."""
    with every_organization("scheduled runs of every organization advance"):
        running = list(ScheduledRun.objects.filter(ended_at=None).values_list("id", "organization_id"))
    for id, organization_id in running:
        with organization_scope(organization_id):
            try:
                scheduled_run_advance(id)
            except Exception as error:
                if is_away(error):
                    raise
                # One run that trips over a fault of ours must not hold up everybody else's.
                logger.exception("advancing %s failed", id)
    return len(running)


def scheduled_run_advance(id: str) -> None:
    """Do what the run's stage calls for now, and go on with the next.

    A refusal ends the run with its reason; one that may pass does so only when it has lasted for `PATIENCE`.
    """
    while _advance_one_stage(id):
        pass


def _advance_one_stage(id: str) -> bool:
    """One transaction; True if the run has come into another stage, which may be begun at once."""
    try:
        with transaction.atomic():
            run = _locked(id)
            if run is None:
                return False
            stage = run.stage
            run.hindered_since, run.error_code, run.error_message = None, "", ""
            _STAGES[stage](run)
            run.save()
            return run.stage != stage and run.ended_at is None
    except KoshaError as error:
        _refused(id, error)
        return False


@transaction.atomic
def _refused(id: str, error: KoshaError) -> None:
    run = _locked(id)
    if run is None:
        return
    if error.is_passing and not _has_lasted(run):
        run.error_code, run.error_message = error.code, str(error.message)
        if run.hindered_since is None:
            logger.warning("%s waits: %s", run.id, error.code)
            run.hindered_since = Now()
    else:
        _end(run, Stage.FAILED, code=error.code, message=str(error.message))
    run.save()


def _has_lasted(run: ScheduledRun) -> bool:
    return bool(ScheduledRun.objects.filter(pk=run.pk, hindered_since__lt=Now() - PATIENCE).exists())


def _locked(id: str) -> ScheduledRun | None:
    run: ScheduledRun | None = (
        ScheduledRun.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("schedule")
        .filter(pk=id, ended_at=None)
        .first()
    )
    return run


def _curate(run: ScheduledRun) -> None:
    schedule = run.schedule
    if run.dataset_version is None:
        run.dataset_version = _up_to_date_version(schedule)
        if run.dataset_version is not None and _released_already(schedule, run.dataset_version):
            _end(run, Stage.SKIPPED)
            return
    if run.dataset_version is None:
        run.dataset_version = dataset_version_create(
            dataset=schedule.dataset, documents=None, heldout_share=HELDOUT_SHARE, actor=_actor(schedule)
        )
    elif _succeeded(run, run.dataset_version.job):
        run.stage = Stage.TRAIN


def _train(run: ScheduledRun) -> None:
    schedule = run.schedule
    if run.training_run is None:
        assert run.dataset_version is not None
        parent = latest_version(schedule.base_model, schedule.suffix) if schedule.incremental else None
        run.training_run = training_run_create(
            model=parent.name if parent else schedule.base_model.name,
            method=MethodType.CONTINUED_PRETRAINING,
            data=run.dataset_version,
            hyperparameters=hyperparameters(schedule.hyperparameters, at="hyperparameters."),
            suffix=schedule.suffix,
            known=_learnt(parent),
            actor=_actor(schedule),
        )
    elif _succeeded(run, run.training_run.job):
        run.stage = Stage.EVALUATE


def _learnt(parent: ModelVersion | None) -> DatasetVersion | None:
    """What the version that is continued has seen; its records are replayed only in part."""
    if parent is None or not parent.dataset_version_id:
        return None
    learnt: DatasetVersion | None = DatasetVersion.objects.filter(pk=parent.dataset_version_id).first()
    return learnt


def _evaluate(run: ScheduledRun) -> None:
    schedule = run.schedule
    if run.evaluation is None:
        assert run.dataset_version is not None and run.training_run is not None
        run.evaluation = evaluation_create(
            suite=schedule.suite,
            dataset_version=run.dataset_version,
            base_model=schedule.base_model,
            model_version=run.training_run.model_version,
            actor=_actor(schedule),
        )
    elif _succeeded(run, run.evaluation.job):
        run.stage = Stage.INDEX


def _index(run: ScheduledRun) -> None:
    """Every document of the dataset version is in the knowledge base, and its index is up to date."""
    knowledge_base = run.schedule.knowledge_base
    if knowledge_base is None:
        run.stage = Stage.RELEASE
        return
    if knowledge_base.deleted_at is not None:
        _end(run, Stage.FAILED, code="knowledge_base_deleted", message=_("The knowledge base was deleted."))
        return
    assert run.dataset_version is not None
    present = knowledge_base.entries.values("document_id")
    missing = list(
        Document.objects.filter(revisions__in=run.dataset_version.revisions.all(), deleted_at=None).exclude(
            pk__in=present
        )
    )
    if missing:
        documents_add(knowledge_base=knowledge_base, documents=missing, actor=_actor(run.schedule))
    build = latest_build(knowledge_base)
    if build is None or (build.state in FRUITLESS and build.created_at < run.created_at):
        # What came to nothing before this run is tried once more, not for ever.
        build = index_build_if_needed(
            knowledge_base_id=knowledge_base.id, actor=_actor(run.schedule), again=True
        )
    if build is None:
        _end(run, Stage.FAILED, code="nothing_to_index", message=_("No document can be searched."))
        return
    if build.state == IndexBuildState.BUILDING:
        return
    if build.state != IndexBuildState.READY:
        _fail_with(run, build.job)
        return
    run.index_build = build
    run.stage = Stage.RELEASE


def _release(run: ScheduledRun) -> None:
    """A candidate of the new version, or, where it failed its gate, of the served model and the new index."""
    assert run.training_run is not None and run.evaluation is not None
    schedule = run.schedule
    served = _served(schedule)
    if run.evaluation.passed:
        version, note = run.training_run.model_version, _("Made by the schedule “%(name)s”.")
    else:
        version = served.model_version if served else None
        note = _(
            "Made by the schedule “%(name)s”: the new version failed its gate, so only the index is new."
        )
        if run.index_build is None:
            _end(run, Stage.FAILED, code="gate_failed", message=_("The new version did not pass its gate."))
            return
    run.release = release_create(
        base_model=_base_of(schedule, version, served),
        model_version=version,
        index_build=run.index_build,
        system_prompt=served.system_prompt if served else "",
        generation=served.generation if served else {},
        note=note % {"name": schedule.name},
        actor=_actor(schedule),
        person_id=PERSON,
    )
    _end(run, Stage.DONE)


_STAGES: dict[str, Callable[[ScheduledRun], None]] = {
    Stage.CURATE: _curate,
    Stage.TRAIN: _train,
    Stage.EVALUATE: _evaluate,
    Stage.INDEX: _index,
    Stage.RELEASE: _release,
}


def _up_to_date_version(schedule: Schedule) -> DatasetVersion | None:
    """The newest ready version, if it was made of what there is now by today's recipe."""
    newest: DatasetVersion | None = (
        schedule.dataset.versions.filter(state=DatasetVersionState.READY)
        .select_related("job")
        .order_by("-number")
        .first()
    )
    if newest is None:
        return None
    wanted = set(ready_documents().values_list("current_revision_id", flat=True))
    made_of = set(newest.revisions.values_list("id", flat=True))
    same_recipe = newest.recipe == recipe_content(schedule.dataset).model_dump(mode="json")
    return newest if same_recipe and wanted == made_of else None


def _released_already(schedule: Schedule, version: DatasetVersion) -> bool:
    """A run of this schedule came to its end with these data; one that failed is worth another try."""
    return bool(schedule.runs.filter(dataset_version=version, stage=Stage.DONE).exists())


def _succeeded(run: ScheduledRun, job: Job) -> bool:
    """Whether the stage's job is done and its result registered; a failed one ends the run."""
    state = public_state(job)
    if state in (JobState.FAILED, JobState.CANCELLED):
        _fail_with(run, job)
    return state == JobState.SUCCEEDED


def _fail_with(run: ScheduledRun, job: Job) -> None:
    error = job_error_body(job) or {"code": "cancelled", "message": _("A job of this run was cancelled.")}
    _end(run, Stage.FAILED, code=error["code"], message=error["message"])


def _end(run: ScheduledRun, stage: str, *, code: str = "", message: str = "") -> None:
    run.stage, run.error_code, run.error_message = stage, code, message
    run.ended_at = timezone.now()


def _served(schedule: Schedule) -> Release | None:
    deployment = Deployment.objects.filter(alias=schedule.alias).select_related("release").first()
    return deployment.release if deployment else None


def _base_of(schedule: Schedule, version: ModelVersion | None, served: Release | None) -> BaseModel:
    if version is not None:
        return version.base_model
    return served.base_model if served else schedule.base_model


def _actor(schedule: Schedule) -> Actor:
    return Actor("schedule", schedule.id, schedule.name)
