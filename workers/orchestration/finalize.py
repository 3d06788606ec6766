"""What follows the end of a job: the row of what it made is completed, then the run folders are reduced.

A terminal state commits alone. Finalizing is idempotent and repeated until it returns; then `finalized_at` is
set. It changes the state in one case: where what a run has made is gone or damaged, no repetition brings it
back, so the job fails with that reason.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from common import queue
from common.connections import is_away
from common.storage import ArtifactLost
from common.tenancy import every_organization, organization_scope
from jobs.models import Job
from jobs.produced import produced_finalize
from jobs.selectors import understood
from jobs.services import job_cleaned, job_finalize_failed, job_finalized, job_result_lost
from jobs.transitions import TERMINAL
from workers.contract.artifacts import ArtifactDamaged
from workers.contract.specs.run import RunError
from workers.orchestration.folders import clean_folders

logger = logging.getLogger(__name__)

BATCH = 50
LONGEST_DELAY = timedelta(minutes=5)


def finalize_ended() -> None:
    """Finalize every job that has ended, and reduce the folders of those that are finalized."""
    with every_organization("jobs of all organizations are finalized"):
        ended = Job.objects.filter(state__in=TERMINAL, cleaned_at=None)
        due = ended.filter(Q(finalize_after=None) | Q(finalize_after__lte=Now()))
        waiting = list(
            understood(due).order_by("ended_at", "id")[:BATCH].values_list("id", "organization_id")
        )
    for job_id, organization_id in waiting:
        with organization_scope(organization_id):
            finalize_job(job_id)


def finalize_job(job_id: str) -> None:
    """Finalize one ended job and reduce its folders. Does nothing while another worker does so."""
    try:
        if _finalize(job_id):
            # A pipeline run may have waited for this job.
            queue.send("pipelines.advance")
        job = Job.objects.filter(pk=job_id, cleaned_at=None).exclude(finalized_at=None).first()
        if job is not None:
            clean_folders(job)
            job_cleaned(job=job)
    except Exception as error:
        if is_away(error):
            # The next tick comes back to it.
            raise
        logger.exception("finalizing %s failed", job_id)
        job = Job.objects.get(pk=job_id)
        delay = min(timedelta(seconds=2) * 2 ** min(job.finalize_failures, 10), LONGEST_DELAY)
        job_finalize_failed(job=job, reason=type(error).__name__, delay=delay)


@transaction.atomic
def _finalize(job_id: str) -> bool:
    """The row of what the job made and `finalized_at` commit together; a row lock excludes a second worker.

    False where there was nothing to do.
    """
    job = (
        Job.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(pk=job_id, finalized_at=None)
        .first()
    )
    if job is None:
        return False
    try:
        with transaction.atomic():
            produced_finalize(job)
    except (ArtifactLost, ArtifactDamaged) as error:
        logger.error("the result of %s is lost: %s", job_id, error)
        job_result_lost(job=job, error=_result_lost(job.kind))
        job.refresh_from_db()
        produced_finalize(job)
    return job_finalized(job=job)


def _result_lost(kind: str) -> RunError:
    return RunError(
        code=f"{kind}.system.result_lost",
        message=(
            "The run succeeded, but what it made was gone or damaged on the disk before it could be taken "
            "over. Look at the disk of the node, then start the job again."
        ),
    )
