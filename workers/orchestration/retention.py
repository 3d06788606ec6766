"""Clean up now and then: what processes that died left behind, and what was kept long enough."""

from __future__ import annotations

from importlib import import_module

from celery import shared_task
from django.conf import settings

from documents.sweeping import documents_sweep
from jobs.retention import metrics_sweep, run_folders_sweep


@shared_task(name="documents.sweep")
def sweep_task() -> None:
    documents_sweep()


@shared_task(name="retention.sessions")
def sessions_task() -> None:
    """Django ignores browser sessions that have expired, but does not delete them."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task(name="retention.run_folders")
def run_folders_task() -> None:
    run_folders_sweep()


@shared_task(name="retention.metrics")
def metrics_task() -> None:
    metrics_sweep()
