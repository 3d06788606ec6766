"""Measure now and then what the machine has: it may have been replaced or extended."""

from __future__ import annotations

from celery import shared_task

from jobs.clusters import cluster_measure


@shared_task(name="jobs.measure_machine")
def measure_task() -> None:
    cluster_measure()
