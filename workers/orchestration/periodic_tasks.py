"""The periodic tasks besides `jobs.reconcile`: each calls one service that may be repeated at any time."""

from __future__ import annotations

from importlib import import_module

from celery import shared_task
from django.conf import settings

from accounts.attempt_limits import attempt_counts_sweep
from accounts.mails import accounts_sweep, mails_send
from audit.services import chains_verify
from documents.archives import archives_advance
from documents.pictures import page_pictures_sweep
from documents.services import UNPACK_TASK
from documents.sweeping import documents_sweep
from jobs.clusters import cluster_measure
from jobs.retention import metrics_sweep, run_folders_sweep
from pipelines.services import pipeline_runs_advance
from schedules.services import schedules_fire_due
from sources.applying import sources_advance
from sources.services import ADVANCE_TASK


def sessions_clear() -> None:
    """Django ignores browser sessions that have expired, but does not delete them."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


SERVICES = {
    "schedules.fire_due": schedules_fire_due,
    "pipelines.advance": pipeline_runs_advance,
    UNPACK_TASK: archives_advance,
    ADVANCE_TASK: sources_advance,
    "documents.sweep": documents_sweep,
    "audit.verify": chains_verify,
    # The machine may have been replaced or extended.
    "jobs.measure_machine": cluster_measure,
    "accounts.mails": mails_send,
    "retention.accounts": accounts_sweep,
    "retention.attempts": attempt_counts_sweep,
    "retention.sessions": sessions_clear,
    "retention.run_folders": run_folders_sweep,
    "retention.metrics": metrics_sweep,
    "retention.page_pictures": page_pictures_sweep,
}
"""By the name of the task. One task for each, so that an error of one does not stop the others."""

for name, service in SERVICES.items():
    shared_task(name=name)(service)
