"""Writes: schedules. Each firing of a schedule starts a run of the retraining pipeline."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.services import SYSTEM, Actor, audit_record
from common.connections import is_away
from common.errors import Conflict
from common.tenancy import every_organization, organization_scope
from curation.models import Dataset
from evaluations.models import Suite
from pipelines.retraining import RETRAINING, RetrainingInputs
from pipelines.services import pipeline_run_start, pipeline_run_stop
from registry.models import BaseModel
from releases.policy import require_suite_of_policy
from retrieval.models import KnowledgeBase
from schedules.models import Schedule, ScheduledRun
from schedules.selectors import run_is_unfinished
from schedules.timing import Timing

logger = logging.getLogger(__name__)


@transaction.atomic
def schedule_create(
    *,
    name: str,
    timing: Timing,
    dataset: Dataset,
    base_model: BaseModel,
    suite: Suite,
    knowledge_base: KnowledgeBase | None,
    alias: str,
    suffix: str,
    incremental: bool,
    hyperparameters: dict[str, Any],
    actor: Actor,
) -> Schedule:
    """Raises Conflict `suite_not_of_policy` where its suite would not allow a release."""
    require_suite_of_policy(suite, param="eval")
    schedule = Schedule.objects.create(
        name=name,
        **timing.model_dump(),
        next_fire_at=timing.after(timezone.now()),
        dataset=dataset,
        base_model=base_model,
        suite=suite,
        knowledge_base=knowledge_base,
        alias=alias,
        suffix=suffix,
        incremental=incremental,
        hyperparameters=hyperparameters,
    )
    _audit(schedule, actor, "schedule.created", {"name": name})
    return schedule


@transaction.atomic
def schedule_update(
    *, schedule: Schedule, name: str | None, is_active: bool | None, timing: dict[str, Any], actor: Actor
) -> Schedule:
    schedule = Schedule.objects.select_for_update(no_key=True, of=("self",)).get(pk=schedule.pk)
    resumed = is_active is True and not schedule.is_active
    if name is not None:
        schedule.name = name
    if is_active is not None:
        schedule.is_active = is_active
    for field, value in timing.items():
        setattr(schedule, field, value)
    if timing or resumed:
        schedule.next_fire_at = Timing.model_validate(schedule, from_attributes=True).after(timezone.now())
    schedule.save()
    _audit(schedule, actor, "schedule.updated", {"active": schedule.is_active})
    return schedule


@transaction.atomic
def schedule_delete(*, schedule: Schedule, actor: Actor) -> None:
    """No further run begins; a run in progress continues to its end."""
    schedule.deleted_at = timezone.now()
    schedule.save(update_fields=["deleted_at"])
    _audit(schedule, actor, "schedule.deleted", {})


@transaction.atomic
def schedule_fire(*, schedule: Schedule, actor: Actor, due_at: datetime | None = None) -> ScheduledRun:
    """Begin a run. Raises Conflict `schedule_already_running` while one is in progress."""
    Schedule.objects.select_for_update(no_key=True, of=("self",)).get(pk=schedule.pk)
    if run_is_unfinished(schedule):
        raise Conflict(
            "schedule_already_running",
            _("A run of this schedule is in progress. Wait until it ends, or stop it."),
        )
    pipeline_run = pipeline_run_start(
        pipeline=RETRAINING,
        inputs=RetrainingInputs(
            dataset_id=schedule.dataset_id,
            base_model_id=schedule.base_model_id,
            suite_id=schedule.suite_id,
            knowledge_base_id=schedule.knowledge_base_id,
            alias=schedule.alias,
            suffix=schedule.suffix,
            incremental=schedule.incremental,
            hyperparameters=schedule.hyperparameters,
        ),
        series=schedule.id,
        actor=Actor("schedule", schedule.id, schedule.name),
    )
    run = ScheduledRun.objects.create(
        schedule=schedule, due_at=due_at or timezone.now(), pipeline_run=pipeline_run
    )
    _audit(schedule, actor, "schedule.fired", {"run": run.id})
    return run


@transaction.atomic
def scheduled_run_stop(*, run: ScheduledRun, actor: Actor) -> None:
    """Raises Conflict `run_has_ended`."""
    pipeline_run_stop(run=run.pipeline_run, actor=actor)
    _audit(run.schedule, actor, "schedule.run_stopped", {"run": run.id})


def schedules_fire_due() -> int:
    """Fire the schedules that are due. Moments missed while the platform was down fire once together."""
    with every_organization("schedules of every organization come due"):
        due = list(
            Schedule.objects.filter(is_active=True, deleted_at=None, next_fire_at__lte=Now())
            .order_by("next_fire_at")
            .values_list("id", "organization_id")[:100]
        )
    return sum(_fire_safely(id, organization_id) for id, organization_id in due)


def _fire_safely(id: str, organization_id: str) -> bool:
    """One that cannot be fired, for example because its time zone is no longer known, does not stop the others."""
    try:
        return _fire_if_due(id, organization_id)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("firing %s failed", id)
        return False


def _fire_if_due(id: str, organization_id: str) -> bool:
    with organization_scope(organization_id), transaction.atomic():
        schedule = (
            Schedule.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .filter(pk=id, is_active=True, deleted_at=None, next_fire_at__lte=Now())
            # By the database's clock, because a worker's clock may be wrong.
            .annotate(now=Now())
            .first()
        )
        if schedule is None:
            return False
        due_at = schedule.next_fire_at
        schedule.next_fire_at = Timing.model_validate(schedule, from_attributes=True).after(schedule.now)
        schedule.save(update_fields=["next_fire_at"])
        if run_is_unfinished(schedule):
            _audit(schedule, SYSTEM, "schedule.skipped", {"due_at": due_at.isoformat()})
            return False
        schedule_fire(schedule=schedule, actor=SYSTEM, due_at=due_at)
        return True


def _audit(schedule: Schedule, actor: Actor, action: str, data: dict[str, Any]) -> None:
    audit_record(
        organization_id=schedule.organization_id,
        actor=actor,
        action=action,
        target_type="schedule",
        target_id=schedule.id,
        data=data,
    )
