"""/v1/schedules: scheduled retraining."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of
from common.pagination import keyset_page, list_body
from common.wire import Body, PageQuery, Settings, unix
from curation.selectors import dataset_get
from evaluations.selectors import suite_get
from pipelines.retraining import CURATION, EVALUATION, RELEASE, RETRIEVAL, TRAINING
from registry.models import BaseModelKind
from registry.selectors import base_model_get
from retrieval.selectors import knowledge_base_get
from schedules import services
from schedules.models import Schedule, ScheduledRun
from schedules.selectors import schedule_get, schedule_list, scheduled_run_get, scheduled_run_list
from schedules.timing import Timing
from training.hyperparameters import hyperparameters

router = Router(tags=["Schedules"])


class ScheduleBody(Timing):
    name: str = Field(min_length=1, max_length=200)
    dataset: str
    base_model: str
    eval: str
    """The suite whose gate a new version must pass."""
    vector_store: str | None = None
    """A knowledge base to bring up to date; it becomes part of the candidate release."""
    alias: str = Field(default="production", pattern="^[a-z0-9][a-z0-9-]{0,39}$")
    """Prompt and generation settings of the candidate are those served here."""
    suffix: str = Field(default="scheduled", pattern="^[a-z0-9-]{1,40}$")
    incremental: bool = True
    """Continue from the newest version of this suffix instead of starting from the base model."""
    hyperparameters: Settings = Field(default_factory=dict)


class ScheduleChange(Body):
    name: str | None = Field(default=None, min_length=1, max_length=200)
    active: bool | None = None
    timing: Timing | None = None


def schedule_body(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "object": "schedule",
        "created_at": unix(schedule.created_at),
        "name": schedule.name,
        "active": schedule.is_active,
        "timing": Timing.model_validate(schedule, from_attributes=True).model_dump(mode="json"),
        "next_fire_at": unix(schedule.next_fire_at) if schedule.is_active else None,
        "dataset": schedule.dataset_id,
        "base_model": schedule.base_model.name,
        "eval": schedule.suite_id,
        "vector_store": schedule.knowledge_base_id,
        "alias": schedule.alias,
        "suffix": schedule.suffix,
        "incremental": schedule.incremental,
        "hyperparameters": schedule.hyperparameters,
    }


@router.post("/schedules", summary="Create a schedule")
def schedule_create(request: HttpRequest, payload: ScheduleBody) -> dict[str, Any]:
    hyperparameters(payload.hyperparameters, at="hyperparameters.")
    schedule = services.schedule_create(
        name=payload.name,
        timing=Timing.model_validate(payload.model_dump(include=set(Timing.model_fields))),
        dataset=dataset_get(payload.dataset, param="dataset"),
        base_model=base_model_get(payload.base_model, kind=BaseModelKind.CAUSAL_LM, param="base_model"),
        suite=suite_get(payload.eval, param="eval"),
        knowledge_base=knowledge_base_get(payload.vector_store, param="vector_store")
        if payload.vector_store
        else None,
        alias=payload.alias,
        suffix=payload.suffix,
        incremental=payload.incremental,
        hyperparameters=payload.hyperparameters,
        actor=actor_of(request),
    )
    return schedule_body(schedule)


@router.get("/schedules", summary="List schedules")
def schedules(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    page = keyset_page(schedule_list(), after=query.after, limit=query.limit, order=query.order)
    return list_body(page, schedule_body)


@router.get("/schedules/{schedule_id}", summary="Retrieve a schedule")
def schedule_retrieve(request: HttpRequest, schedule_id: str) -> dict[str, Any]:
    return schedule_body(schedule_get(schedule_id))


@router.post("/schedules/{schedule_id}", summary="Change a schedule")
def schedule_update(request: HttpRequest, schedule_id: str, payload: ScheduleChange) -> dict[str, Any]:
    schedule = services.schedule_update(
        schedule=schedule_get(schedule_id),
        name=payload.name,
        is_active=payload.active,
        timing=payload.timing.model_dump(exclude_unset=True) if payload.timing else {},
        actor=actor_of(request),
    )
    return schedule_body(schedule)


@router.delete("/schedules/{schedule_id}", summary="Delete a schedule")
def schedule_delete(request: HttpRequest, schedule_id: str) -> dict[str, Any]:
    services.schedule_delete(schedule=schedule_get(schedule_id), actor=actor_of(request))
    return {"id": schedule_id, "object": "schedule", "deleted": True}


@router.post("/schedules/{schedule_id}/fire", summary="Retrain now")
def schedule_fire(request: HttpRequest, schedule_id: str) -> dict[str, Any]:
    return run_body(services.schedule_fire(schedule=schedule_get(schedule_id), actor=actor_of(request)))


@router.post("/schedules/{schedule_id}/runs/{run_id}/cancel", summary="Stop a run for good")
def run_cancel(request: HttpRequest, schedule_id: str, run_id: str) -> dict[str, Any]:
    schedule = schedule_get(schedule_id)
    services.scheduled_run_stop(run=scheduled_run_get(run_id, schedule=schedule), actor=actor_of(request))
    return run_body(scheduled_run_get(run_id, schedule=schedule))


def run_body(run: ScheduledRun) -> dict[str, Any]:
    progress = run.pipeline_run
    error = {"code": progress.error_code, "message": progress.error_message}
    return {
        "id": run.id,
        "object": "schedule.run",
        "created_at": unix(run.created_at),
        "schedule": run.schedule_id,
        "due_at": unix(run.due_at),
        "ended_at": unix(progress.ended_at),
        "stage": progress.stage,
        "dataset_version": progress.produced_id(CURATION.name),
        "fine_tuning_job": progress.produced_id(TRAINING.name),
        "eval_run": progress.produced_id(EVALUATION.name),
        "index_build": progress.produced_id(RETRIEVAL.name),
        "release": progress.produced_id(RELEASE.name),
        "error": error if progress.error_code else None,
    }


@router.get("/schedules/{schedule_id}/runs", summary="List a schedule's runs")
def runs(request: HttpRequest, schedule_id: str, query: Query[PageQuery]) -> dict[str, Any]:
    rows = scheduled_run_list([schedule_get(schedule_id)])
    page = keyset_page(rows, after=query.after, limit=query.limit, order=query.order)
    return list_body(page, run_body)


@router.get("/schedules/{schedule_id}/runs/{run_id}", summary="Retrieve a run")
def run_retrieve(request: HttpRequest, schedule_id: str, run_id: str) -> dict[str, Any]:
    return run_body(scheduled_run_get(run_id, schedule=schedule_get(schedule_id)))
