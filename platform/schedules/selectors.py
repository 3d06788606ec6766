"""Reads: schedules and their runs."""

from __future__ import annotations

from collections.abc import Iterable

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


def scheduled_run_list(schedules: Iterable[Schedule]) -> QuerySet[ScheduledRun]:
    return (
        ScheduledRun.objects.filter(schedule__in=schedules)
        .select_related("pipeline_run", "schedule")
        .prefetch_related("pipeline_run__stages")
    )


def scheduled_run_get(id: str, *, schedule: Schedule) -> ScheduledRun:
    run = scheduled_run_list([schedule]).filter(pk=id).first()
    if run is None:
        raise NotFound
    return run


def newest_runs(schedules: Iterable[Schedule]) -> dict[str, ScheduledRun]:
    """The newest run of each schedule, by the schedule's id."""
    rows = scheduled_run_list(schedules).order_by("schedule_id", "-id").distinct("schedule_id")
    return {run.schedule_id: run for run in rows}


def run_is_unfinished(schedule: Schedule) -> bool:
    return bool(schedule.runs.filter(pipeline_run__ended_at=None).exists())
