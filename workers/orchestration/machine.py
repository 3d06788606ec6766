"""Look now and then at what the machine has: it may be another one, or have been given more."""

from __future__ import annotations

from celery import shared_task

from jobs.clusters import cluster_measure


@shared_task(name="jobs.measure_machine")
def measure_task() -> None:
    cluster_measure()
