"""Clean up behind what died, now and then."""

from __future__ import annotations

from celery import shared_task

from documents.sweeping import documents_sweep


@shared_task(name="documents.sweep")
def sweep_task() -> None:
    documents_sweep()
