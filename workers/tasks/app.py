"""The Celery application: short, idempotent tasks beside PostgreSQL, which alone is the truth.

    celery -A workers.tasks.app worker        celery -A workers.tasks.app beat

`manage.py up` starts both, with `platform/` and the repository on the path.
"""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Django's checks would import every view and form into a process that serves none.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

RECONCILE_SECONDS = 2.0
SCHEDULES_SECONDS = 30.0
ADVANCE_SECONDS = 5.0

app = Celery("kosha", broker=settings.REDIS_URL)
app.conf.update(
    include=[f"workers.tasks.{name}" for name in ("dispatch", "reconcile", "finalize", "schedules")],
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    # Every task may run twice, so one whose worker died is simply run again.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # No task trains or waits; one that takes minutes hangs. It is over well before Redis
    # would hand the message to a second worker.
    task_soft_time_limit=100,
    task_time_limit=120,
    broker_transport_options={"visibility_timeout": 300},
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    timezone=settings.TIME_ZONE,
    enable_utc=True,
    beat_schedule={
        # A tick that waited as long as the period is worthless: the next one does its work.
        "reconcile": {
            "task": "jobs.reconcile",
            # A tick that comes by itself tells that beat lives; one that was rung for does not.
            "args": ("beat",),
            "schedule": RECONCILE_SECONDS,
            "options": {"expires": RECONCILE_SECONDS},
        },
        "fire schedules": {
            "task": "schedules.fire_due",
            "schedule": SCHEDULES_SECONDS,
            "options": {"expires": SCHEDULES_SECONDS},
        },
        "advance scheduled runs": {
            "task": "schedules.advance",
            "schedule": ADVANCE_SECONDS,
            "options": {"expires": ADVANCE_SECONDS},
        },
    },
)


@setup_logging.connect
def _keep_django_logging(**_: object) -> None:
    """Being connected is enough: Celery then leaves the logging that Django has set up."""
