"""Writes: pipeline runs. Only `pipeline_run_advance` moves a run from stage to stage."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import Model
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import BaseModel

from audit.services import Actor
from common.connections import is_away
from common.errors import Conflict, KoshaError
from common.language import stored_language
from common.queue import send
from common.tenancy import every_organization, organization_scope
from jobs.produced import ProducedRow
from jobs.services import job_cancel
from jobs.transitions import JobState
from pipelines.declaration import Pipeline, StageFailed, stage_of
from pipelines.models import PipelineRun, RunState, StageRun

logger = logging.getLogger(__name__)

BLOCKED_LIMIT = timedelta(hours=24)
"""How long a run waits while the disk is full or a server is unavailable: until the next working day."""


@transaction.atomic
def pipeline_run_start(*, pipeline: Pipeline, inputs: BaseModel, series: str, actor: Actor) -> PipelineRun:
    """Start a run in the current organization; the workers advance it from here."""
    run: PipelineRun = PipelineRun.objects.create(
        pipeline=pipeline.name,
        inputs=pipeline.inputs.model_validate(inputs).model_dump(mode="json"),
        series=series,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
    )
    for position, stage in enumerate(pipeline.stages):
        state = RunState.PENDING if position else RunState.RUNNING
        StageRun.objects.create(run=run, position=position, name=stage.name, state=state)
    send("pipelines.advance")
    return run


def pipeline_runs_advance() -> int:
    """Advance every unfinished run of every organization; returns how many there are."""
    with every_organization("pipeline runs of every organization advance"):
        unfinished = list(PipelineRun.objects.filter(ended_at=None).values_list("id", "organization_id"))
    for id, organization_id in unfinished:
        with organization_scope(organization_id):
            try:
                pipeline_run_advance(id)
            except Exception as error:
                if is_away(error):
                    raise
                # An unexpected error in one run must not stop the others.
                logger.exception("advancing %s failed", id)
    return len(unfinished)


def pipeline_run_advance(id: str) -> None:
    """Begin the run's current stage, or go on to the next stage if the row of the current one is complete.

    Repeatable, also by several workers at once: the run's row is locked, and each stage has its own
    transaction, which also stores the id of the row that the stage makes. A refusal ends the run with its
    reason; one that may pass ends it only when it has lasted for `BLOCKED_LIMIT`.
    """
    while True:
        try:
            with transaction.atomic(), stored_language():
                run = _locked(id)
                if run is None:
                    return
                run.blocked_since = None
                run.set_error()
                has_moved = _advance_stage(run)
                run.save()
        except KoshaError as error:
            with stored_language():
                _refuse(id, error)
            return
        if not has_moved or run.ended_at is not None:
            return


def _locked(id: str) -> PipelineRun | None:
    """None if the run has ended, or while another worker advances it."""
    unfinished = PipelineRun.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    run: PipelineRun | None = unfinished.prefetch_related("stages").filter(pk=id, ended_at=None).first()
    return run


def _advance_stage(run: PipelineRun) -> bool:
    """Whether the current stage has ended."""
    stage_run = run.current
    assert stage_run is not None, "an unfinished run has a stage that runs"
    stage = stage_of(run.pipeline, stage_run.name)
    try:
        row = stage.produce(run, stage.find(run))
    except StageFailed as failure:
        _end(run, RunState.FAILED, code=failure.code, message=failure.message)
        return True
    if row is None:
        _next_stage(run, stage_run, RunState.SKIPPED)
        return True
    is_new, stage_run.produced_id = stage_run.produced_id != row.pk, row.pk
    stage_run.save()
    if is_new and stage_run.position == 0 and _was_done_before(run, row):
        _end(run, RunState.SKIPPED)
        return True
    if isinstance(row, ProducedRow) and row.is_building:
        return False
    if not isinstance(row, ProducedRow) or row.state == row.STATES[JobState.SUCCEEDED]:
        _next_stage(run, stage_run, RunState.DONE)
    elif row.state == row.STATES[JobState.FAILED]:
        _end(run, RunState.FAILED)
        run.copy_error(row)
    else:
        _end(run, RunState.CANCELLED, code="cancelled", message=_("A job of this run was cancelled."))
    return True


@transaction.atomic
def pipeline_run_stop(*, run: PipelineRun, actor: Actor) -> None:
    """End the run for good, and the job it waits for. What earlier stages made is kept.

    Raises Conflict `run_has_ended`.
    """
    rows = PipelineRun.objects.select_for_update(no_key=True, of=("self",)).prefetch_related("stages")
    unfinished: PipelineRun | None = rows.filter(pk=run.pk, ended_at=None).first()
    if unfinished is None:
        raise Conflict("run_has_ended", _("The run has already ended; there is nothing to stop."))
    _stop_job(unfinished, actor)
    with stored_language():
        _end(unfinished, RunState.CANCELLED, code="cancelled", message=_("The run was stopped."))
    unfinished.save()


def _stop_job(run: PipelineRun, actor: Actor) -> None:
    assert run.current is not None, "an unfinished run has a stage that runs"
    stage = stage_of(run.pipeline, run.current.name)
    row = None if stage.is_shared else stage.find(run)
    if isinstance(row, ProducedRow) and row.is_building:
        # The job may just have ended.
        with suppress(Conflict):
            job_cancel(job=row.job, actor=actor)


def _was_done_before(run: PipelineRun, row: Model) -> bool:
    """Whether a run of the series that began with the same row is done; one that failed is tried again."""
    return bool(
        PipelineRun.objects.filter(
            series=run.series, state=RunState.DONE, stages__position=0, stages__produced_id=row.pk
        ).exists()
    )


def _next_stage(run: PipelineRun, stage_run: StageRun, state: RunState) -> None:
    """Close the stage as `state` and open the one after it; the run is done after the last."""
    stage_run.state = state
    stage_run.save()
    following = next((each for each in run.stages.all() if each.state == RunState.PENDING), None)
    if following is None:
        _end(run, RunState.DONE)
    else:
        following.state = RunState.RUNNING
        following.save()


def _end(run: PipelineRun, state: RunState, *, code: str = "", message: str = "") -> None:
    """The current stage ends as the run does, and the stages after it are left out."""
    for stage_run in run.stages.all():
        if stage_run.state in (RunState.RUNNING, RunState.PENDING):
            stage_run.state = state if stage_run.state == RunState.RUNNING else RunState.SKIPPED
            stage_run.save()
    run.state = state
    run.set_error(code, message)
    run.ended_at = timezone.now()


@transaction.atomic
def _refuse(id: str, error: KoshaError) -> None:
    run = _locked(id)
    if run is None:
        return
    lasted = PipelineRun.objects.filter(pk=run.pk, blocked_since__lt=Now() - BLOCKED_LIMIT)
    if error.is_passing and not lasted.exists():
        run.set_refusal(error)
        if run.blocked_since is None:
            logger.warning("%s is blocked: %s", run.id, error.code)
            run.blocked_since = Now()
    else:
        _end(run, RunState.FAILED)
        run.set_refusal(error)
    run.save()
