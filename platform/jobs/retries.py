"""How often a job is tried again, and what a page says of the attempts that failed."""

from __future__ import annotations

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from jobs.models import Job
from jobs.selectors import job_list
from jobs.transitions import JobState
from jobs.types import error_text

MAX_LOSSES = 5
MAX_FAILURES_SINCE_CHECKPOINT = 2
"""A run may be lost, or fail with a system error, so often between two checkpoints."""

TRIED = (JobState.QUEUED, JobState.STARTING, JobState.RUNNING)
KEEPS_FAILING = 2
"""Attempts without progress after which a person should look at a job that is still tried again."""


def keep_failing() -> QuerySet[Job]:
    """Jobs that are still tried, though several attempts have failed since their last checkpoint."""
    rows = job_list().filter(state__in=TRIED)
    return rows.annotate(failed_attempts=F("losses") + F("failures_since_checkpoint")).filter(
        failed_attempts__gte=KEEPS_FAILING
    )


def retry_text(job: Job) -> str:
    """Why the last attempt failed, and how often the job is tried; empty where no attempt has failed."""
    failed = job.losses + job.failures_since_checkpoint
    if not failed or job.state not in TRIED:
        return ""
    returns = job.events.filter(type="state", message=JobState.QUEUED).order_by("-pk")
    codes = (event.data.get("reason", "") for event in returns[:failed])
    found = next((text for code in codes if (text := error_text(code))), None)
    return _(
        "%(what)s Attempts that failed without progress: %(failed)d. It is tried again automatically, at most "
        "%(losses)d times after it was lost or stopped and %(failures)d times after an error of its own."
    ) % {
        "what": found.what if found else _("The last attempt was interrupted."),
        "failed": failed,
        "losses": MAX_LOSSES,
        "failures": MAX_FAILURES_SINCE_CHECKPOINT,
    }
