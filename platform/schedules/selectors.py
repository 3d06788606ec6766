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


def _scheduled_runs() -> QuerySet[ScheduledRun]:
    return ScheduledRun.objects.select_related("pipeline_run").prefetch_related("pipeline_run__stages")


def scheduled_run_list(schedule: Schedule) -> QuerySet[ScheduledRun]:
    return _scheduled_runs().filter(schedule=schedule)


def scheduled_run_get(id: str, *, schedule_id: str) -> ScheduledRun:
    run = _scheduled_runs().filter(pk=id, schedule_id=schedule_id).first()
    if run is None:
        raise NotFound
    return run


def newest_runs(schedules: Iterable[Schedule]) -> dict[str, ScheduledRun]:
    """The newest run of each schedule, by the schedule's id."""
    rows = _scheduled_runs().filter(schedule__in=schedules).order_by("schedule_id", "-id")
    return {run.schedule_id: run for run in rows.distinct("schedule_id")}


def run_is_unfinished(schedule: Schedule) -> bool:
    return bool(schedule.runs.filter(pipeline_run__ended_at=None).exists())
