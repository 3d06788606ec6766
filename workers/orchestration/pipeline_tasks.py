"""Scheduled retraining: fire the schedules that are due, and advance the pipeline runs under way."""

from __future__ import annotations

from celery import shared_task

from pipelines.services import pipeline_runs_advance
from schedules.services import schedules_fire_due


@shared_task(name="schedules.fire_due")
def fire_due_task() -> None:
    schedules_fire_due()


@shared_task(name="pipelines.advance")
def advance_task() -> None:
    pipeline_runs_advance()
