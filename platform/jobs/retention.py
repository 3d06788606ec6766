"""What is deleted of jobs that ended long ago: their run folders, and most points of their curves.

Results are not touched: finalizing has moved them out of the run folder long before. Everything here may be
interrupted at any moment; the next call continues.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from common.storage import run_folder_delete, run_folders
from common.tenancy import every_organization
from jobs.models import Job
from jobs.transitions import TERMINAL

logger = logging.getLogger(__name__)

FOLDERS_PER_QUERY = 500
JOBS_PER_CALL = 200
KEPT_POINTS = 500
"""Of a curve: about as many as a chart can show."""

THIN = """
    WITH newest AS (
        SELECT DISTINCT ON (step) id, (data->>'step')::bigint AS step
        FROM jobs_jobevent WHERE job_id = %(job)s AND type = 'metrics'
        ORDER BY step, id DESC
    ), placed AS (
        SELECT id, row_number() OVER (ORDER BY step) - 1 AS place, greatest(count(*) OVER () - 1, 1) AS last
        FROM newest
    ), kept AS (
        SELECT id FROM placed
        WHERE place = 0 OR last < %(most)s
            OR place * (%(most)s - 1) / last > (place - 1) * (%(most)s - 1) / last
    )
    DELETE FROM jobs_jobevent
    WHERE job_id = %(job)s AND type = 'metrics' AND id NOT IN (SELECT id FROM kept)
"""
"""Evenly by step, with the first and the last; of a step that was repeated the newest counts, as in the chart."""


def run_folders_sweep() -> None:
    """Remove the run folders of jobs that ended more than `KOSHA_RUN_FOLDER_DAYS` ago, including the
    checkpoints of failed runs."""
    folders = run_folders()
    age = timedelta(days=settings.KOSHA_RUN_FOLDER_DAYS)
    while job_ids := list(islice(folders, FOLDERS_PER_QUERY)):
        with every_organization("run folders of all organizations are removed"):
            # Folders of unknown jobs are not removed.
            ended = Job.objects.filter(pk__in=job_ids, state__in=TERMINAL, ended_at__lt=Now() - age)
            old = list(ended.exclude(cleaned_at=None).values_list("id", flat=True))
        for job_id in old:
            try:
                run_folder_delete(job_id)
            except OSError as error:
                # The other folders are still removed.
                logger.error("the run folder of %s stays: %s", job_id, error.strerror or type(error).__name__)


def metrics_sweep() -> None:
    """Thin the curves of jobs that ended more than `KOSHA_METRICS_DAYS` ago to `KEPT_POINTS` points."""
    age = timedelta(days=settings.KOSHA_METRICS_DAYS)
    with every_organization("curves of all organizations are thinned"):
        due = Job.objects.filter(has_metrics=True, thinned_at=None, ended_at__lt=Now() - age)
        for job_id in list(due.order_by("ended_at").values_list("id", flat=True)[:JOBS_PER_CALL]):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(THIN, {"job": job_id, "most": KEPT_POINTS})
                Job.objects.filter(pk=job_id).update(thinned_at=Now())
