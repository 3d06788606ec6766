"""Scheduled retraining: fire what is due, and carry runs under way from stage to stage."""

from __future__ import annotations

from celery import shared_task

from schedules.road import scheduled_runs_advance
from schedules.services import schedules_fire_due


@shared_task(name="schedules.fire_due")
def fire_due_task() -> None:
    schedules_fire_due()


@shared_task(name="schedules.advance")
def advance_task() -> None:
    scheduled_runs_advance()
