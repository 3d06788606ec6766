"""/v1/fine_tuning/jobs, as OpenAI's clients know it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of
from common import wire
from common.errors import InvalidRequest, NotFound
from common.pagination import keyset_page, list_body
from common.unsupported import UNSUPPORTED, Unsupported
from common.wire import (
    Body,
    Metadata,
    PageQuery,
    Settings,
    idempotency_key,
    unix,
    validate,
)
from curation.selectors import version_get
from documents.selectors import document_get
from jobs.api import PlacementBody, job_error_body, placement_body, placement_of
from jobs.models import JobEvent
from training import services
from training.hyperparameters import differing, hyperparameters, openai_hyperparameters
from training.models import Checkpoint, MethodType, TrainingRun
from training.selectors import run_get, run_list, wire_status
from workers.contract.specs.training import Checkpointing, Distributed, Hyperparameters

router = Router(tags=["Fine-tuning"])

EVENT_PREFIX = "ftevent-"


HELD_OUT = "a dataset version holds records out by itself"


class MethodSettings(Body):
    hyperparameters: Settings = Field(default_factory=dict)
    """OpenAI's `n_epochs`, `batch_size`, `learning_rate_multiplier` (number or `auto`), or Kosha's own."""


class Method(Body):
    type: str
    """`supervised`, or Kosha's `continued_pretraining`, which learns from documents as well."""
    supervised: MethodSettings | None = None
    continued_pretraining: MethodSettings | None = None
    dpo: Annotated[dict[str, Any] | None, Unsupported()] = None
    reinforcement: Annotated[dict[str, Any] | None, Unsupported()] = None


class RunPlacement(PlacementBody):
    """Where the run runs. An answer that is sent back also has all hyperparameters here."""

    hyperparameters: Settings | None = None


class JobBody(Body):
    answered_as = "fine_tuning.job"

    model: str
    """A base model's name, or `ft:...` to continue from a version."""
    training_file: str
    """A file of conversations (`file-...`, purpose fine-tune) or a dataset version (`dsv_...`)."""
    method: Method | None = None
    hyperparameters: Settings | None = None
    """The older place of OpenAI's hyperparameters."""
    suffix: str | None = None
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    metadata: Metadata | None = None
    validation_file: Annotated[str | None, Unsupported(why=HELD_OUT)] = None
    integrations: Annotated[list[Any] | None, Unsupported([])] = None
    checkpoint: Settings | None = None
    """Kosha's: `{"every_steps": 50, "keep": 3}`."""
    distributed: Settings | None = None
    """Kosha's: `{"processes": 2, "zero_stage": 2}`."""
    kosha: RunPlacement | None = None


def run_body(run: TrainingRun) -> dict[str, Any]:
    values = Hyperparameters.model_validate(run.hyperparameters)
    job = run.job
    status = wire_status(run)
    finished = status in ("succeeded", "failed", "cancelled")
    left = None if finished else job.seconds_left
    return {
        "id": run.id,
        "object": "fine_tuning.job",
        "created_at": unix(run.created_at),
        "finished_at": unix(job.ended_at) if finished else None,
        "estimated_finish": None if left is None else unix(timezone.now() + timedelta(seconds=left)),
        "model": run.parent.name if run.parent else run.base_model.name,
        "fine_tuned_model": run.model_version.name if run.model_version else None,
        "organization_id": run.organization_id,
        "status": status,
        "error": job_error_body(job),
        "training_file": run.dataset_version_id
        or (run.training_revision.document_id if run.training_revision else None),
        "validation_file": None,
        "result_files": [],
        "trained_tokens": run.result.get("tokens"),
        "hyperparameters": openai_hyperparameters(values),
        "method": {"type": run.method, run.method: {"hyperparameters": openai_hyperparameters(values)}},
        "seed": values.seed,
        "integrations": [],
        "metadata": run.metadata,
        "kosha": {
            "job": job.id,
            **placement_body(job),
            "hyperparameters": run.hyperparameters,
            "progress": {
                "done": job.progress_done,
                "total": job.progress_total,
                "unit": job.progress_unit,
                "seconds_left": job.seconds_left,
            },
            "result": run.result,
        },
    }


STARTING = """`batch_size` counts packed sequences, not examples: texts are joined to sequences of `sequence_length` tokens, and a step
learns from `tokens_per_step` = `batch_size` × `sequence_length` tokens, over all processes together. The answer has
`tokens_per_step` and all other values in `kosha.hyperparameters`. `learning_rate_multiplier` multiplies Kosha's default learning
rate. `auto` takes the default of each."""


@router.post("/fine_tuning/jobs", summary="Start a training run", description=STARTING)
def job_create(request: HttpRequest, payload: JobBody) -> dict[str, Any]:
    method = _method(payload)
    values = _hyperparameters(payload, method)
    source = payload.training_file
    try:
        data = version_get(source) if source.startswith("dsv_") else document_get(source)
    except NotFound as error:
        raise NotFound(param="training_file") from error
    run = services.training_run_create(
        model=payload.model,
        method=method,
        data=data,
        hyperparameters=values,
        suffix=payload.suffix or "",
        metadata=payload.metadata,
        checkpointing=validate(Checkpointing, payload.checkpoint or {}, at="checkpoint."),
        distributed=validate(Distributed, payload.distributed or {}, at="distributed."),
        placement=placement_of(payload.kosha),
        idempotency_key=idempotency_key(request),
        actor=actor_of(request),
    )
    return run_body(run)


def _method(payload: JobBody) -> str:
    if payload.method is None:
        return MethodType.SUPERVISED
    type_ = payload.method.type
    if type_ not in MethodType.values:
        raise InvalidRequest(
            UNSUPPORTED,
            _("method.type must be one of: %(types)s.") % {"types": ", ".join(MethodType.values)},
            param="method.type",
        )
    for other in MethodType.values:
        if other != type_ and getattr(payload.method, other) is not None:
            message = _("method.%(other)s is not for method.type %(type)s. Leave it out.")
            raise InvalidRequest(
                UNSUPPORTED, message % {"other": other, "type": type_}, param=f"method.{other}"
            )
    return type_


def _hyperparameters(payload: JobBody, method: str) -> Hyperparameters:
    """From the one place that has them. In several places they must agree, as they do in an answer sent back."""
    settings: MethodSettings | None = getattr(payload.method, method, None)
    places = {
        "kosha.hyperparameters.": payload.kosha.hyperparameters if payload.kosha else None,
        f"method.{method}.hyperparameters.": settings.hyperparameters if settings else None,
        "hyperparameters.": payload.hyperparameters,
    }
    given = [(at, value) for at, value in places.items() if value] or [("hyperparameters.", {})]
    at, value = given[0]
    values = hyperparameters(value, at=at)
    for other, repeated in given[1:]:
        name = differing(repeated, values)
        if name is not None:
            raise InvalidRequest(
                "conflicting_parameters",
                _("%(name)s differs from what %(other)s says. Give it once.")
                % {"name": f"{other}{name}", "other": at.rstrip(".")},
                param=f"{other}{name}",
            )
    return values if payload.seed is None else values.model_copy(update={"seed": payload.seed})


@router.get("/fine_tuning/jobs", summary="List training runs")
def job_list(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return list_body(
        keyset_page(run_list(), after=query.after, limit=query.limit, order=query.order), run_body
    )


@router.get("/fine_tuning/jobs/{job_id}", summary="Retrieve a training run")
def job_retrieve(request: HttpRequest, job_id: str) -> dict[str, Any]:
    return run_body(run_get(job_id))


@router.post("/fine_tuning/jobs/{job_id}/cancel", summary="Cancel a training run")
def job_cancel(request: HttpRequest, job_id: str) -> dict[str, Any]:
    return run_body(
        services.training_run_control(run=run_get(job_id), action="cancel", actor=actor_of(request))
    )


@router.post("/fine_tuning/jobs/{job_id}/pause", summary="Pause after the next checkpoint")
def job_pause(request: HttpRequest, job_id: str) -> dict[str, Any]:
    return run_body(
        services.training_run_control(run=run_get(job_id), action="pause", actor=actor_of(request))
    )


@router.post("/fine_tuning/jobs/{job_id}/resume", summary="Resume a paused run")
def job_resume(request: HttpRequest, job_id: str) -> dict[str, Any]:
    return run_body(
        services.training_run_control(run=run_get(job_id), action="resume", actor=actor_of(request))
    )


class ChildQuery(wire.Query):
    after: str | None = None
    limit: int = Field(default=20, ge=1, le=100)


def event_body(event: JobEvent) -> dict[str, Any]:
    kind: Literal["metrics", "message"] = "metrics" if event.type == "metrics" else "message"
    return {
        "id": f"{EVENT_PREFIX}{event.id}",
        "object": "fine_tuning.job.event",
        "created_at": unix(event.created_at),
        "level": {"warning": "warn"}.get(event.level, event.level),
        "message": event.message,
        "type": kind,
        "data": event.data,
    }


@router.get("/fine_tuning/jobs/{job_id}/events", summary="What happened, newest first")
def job_events(request: HttpRequest, job_id: str, query: Query[ChildQuery]) -> dict[str, Any]:
    after = None
    if query.after is not None:
        after = query.after.removeprefix(EVENT_PREFIX)
        if not (after.isascii() and after.isdigit() and len(after) <= 18):
            raise InvalidRequest("invalid_after", "after must be the id of an event.", param="after")
    rows = JobEvent.objects.filter(job=run_get(job_id).job)
    return list_body(keyset_page(rows, after=after, limit=query.limit), event_body)


def checkpoint_body(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "id": checkpoint.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": unix(checkpoint.created_at),
        "fine_tuned_model_checkpoint": checkpoint.id,
        "fine_tuning_job_id": checkpoint.run_id,
        "metrics": {"step": checkpoint.step, **checkpoint.metrics},
        "step_number": checkpoint.step,
    }


@router.get(
    "/fine_tuning/jobs/{job_id}/checkpoints", summary="Where the run can be resumed from, newest first"
)
def job_checkpoints(request: HttpRequest, job_id: str, query: Query[ChildQuery]) -> dict[str, Any]:
    rows = run_get(job_id).checkpoints.all()
    return list_body(keyset_page(rows, after=query.after, limit=query.limit), checkpoint_body)
