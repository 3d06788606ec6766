"""The Celery application: short, idempotent tasks. PostgreSQL is the only source of truth.

    celery -A workers.orchestration.app worker        celery -A workers.orchestration.app beat

`manage.py up` starts both, with `platform/` and the repository on the path.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Django's checks would import every view and form into a process that serves none.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from billiard import active_children
from celery import Celery, bootsteps
from celery.signals import setup_logging, worker_shutting_down
from celery.worker import WorkController
from django.conf import settings

from workers.orchestration.worker_timer import WorkerTimer

SHUTDOWN_SECONDS = 8.0
LAST_SECONDS = 3.0
"""What Celery's cold shutdown gets after that, before the worker kills its children and exits."""

INTERVALS = {
    "jobs.reconcile": 2.0,
    "pipelines.advance": 5.0,
    "documents.unpack": 10.0,
    "sources.advance": 15.0,
    "documents.sweep": 20.0,
    "schedules.fire_due": 30.0,
    "audit.verify": 60.0,
    "jobs.measure_machine": 3600.0,
    "accounts.mails": 5.0,
    "retention.accounts": 3600.0,
    "retention.attempts": 3600.0,
    "retention.sessions": 3600.0,
    "retention.run_folders": 3600.0,
    "retention.metrics": 3600.0,
    "retention.page_pictures": 3600.0,
}
"""Seconds between two calls of each periodic task."""

app = Celery("kosha", broker=settings.REDIS_URL)
app.conf.update(
    include=[f"workers.orchestration.{name}" for name in ("dispatch", "reconcile", "periodic_tasks")],
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
    # An outage of the broker may last days.
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # The reduced count is restored by tasks that end, and after a loss of messages none may.
    worker_enable_prefetch_count_reduction=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    timezone=settings.TIME_ZONE,
    enable_utc=True,
    beat_scheduler="workers.orchestration.beat_scheduler:SteadyScheduler",
    # Only a tick that beat sends proves that beat is alive, so `jobs.reconcile` gets the name of its sender.
    beat_schedule={
        name: {"task": name, "schedule": seconds, "args": ("beat",) if name == "jobs.reconcile" else ()}
        for name, seconds in INTERVALS.items()
    },
)


@worker_shutting_down.connect
def _limit_warm_shutdown(how: str = "", **_: object) -> None:
    """A warm shutdown waits for running tasks without a limit; this sets one.

    Celery's cold shutdown follows: the tasks are interrupted and sent again. Each may run twice.
    """
    if how == "Warm":
        _later(SHUTDOWN_SECONDS, signal.pthread_kill, threading.main_thread().ident, signal.SIGQUIT)


class ExitInTime(bootsteps.StartStopStep):  # type: ignore[misc]
    """Ends the worker some seconds after its shutdown began, whatever began it.

    Celery's shutdown may wait for ever: for a task that it does not yet know to be running, and for a child
    that does not react. Nothing is lost where the process then exits.
    """

    def close(self, worker: WorkController) -> None:
        _later(SHUTDOWN_SECONDS + LAST_SECONDS, _exit_at_once, worker.exitcode or os.EX_OK)


def _exit_at_once(exit_code: int) -> None:
    for child in active_children():
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
    os._exit(exit_code)


def _later(seconds: float, work: Callable[..., object], *arguments: object) -> None:
    timer = threading.Timer(seconds, work, arguments)
    timer.daemon = True
    timer.start()


app.steps["worker"].update({WorkerTimer, ExitInTime})


@setup_logging.connect
def _keep_django_logging(**_: object) -> None:
    """A connected receiver is enough: Celery then keeps the logging that Django has set up."""
