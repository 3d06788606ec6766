"""Reads: schedules and their runs."""

from __future__ import annotations

from django.db.models import QuerySet

from common.errors import NotFound
from schedules.models import Schedule, ScheduledRun


def schedule_list() -> QuerySet[Schedule]:
    return Schedule.objects.filter(deleted_at=None).select_related(
        "dataset", "base_model", "suite", "knowledge_base"
    )


def schedule_get(id: str) -> Schedule:
    schedule = schedule_list().filter(pk=id).first()
    if schedule is None:
        raise NotFound
    return schedule


def scheduled_run_list(schedule: Schedule) -> QuerySet[ScheduledRun]:
    return schedule.runs.select_related("training_run__model_version", "evaluation", "release", "index_build")


def scheduled_run_get(id: str, *, schedule_id: str) -> ScheduledRun:
    run = ScheduledRun.objects.filter(pk=id, schedule_id=schedule_id).first()
    if run is None:
        raise NotFound
    return run
