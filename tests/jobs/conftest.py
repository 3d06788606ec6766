"""An organization, and jobs in any state, reached by legal moves only."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import Organization
from audit.services import SYSTEM
from common.tenancy import organization_scope
from jobs.models import Job
from jobs.services import job_submit
from jobs.transitions import MOVES, JobState
from workers.contract.spec import Spec

from .work import WORK_TYPES, Work, registered


@pytest.fixture
def organization(db):
    """In its scope, with the types of job that tests submit."""
    organization = Organization.objects.create(name="架空商事", slug="kaku")
    with organization_scope(organization.id), registered(*WORK_TYPES):
        yield organization


@pytest.fixture
def make_job(organization):
    def make(state: JobState = JobState.QUEUED, spec: Spec | None = None, **fields) -> Job:
        job = job_submit(spec=spec or Work(), actor=SYSTEM, **fields)
        for step in path_to(state):
            move_by_sql(job, step)
        job.refresh_from_db()
        return job

    return make


def path_to(state: JobState) -> list[JobState]:
    """The shortest way of legal moves from `queued`."""
    paths: dict[JobState, list[JobState]] = {JobState.QUEUED: []}
    waiting = [JobState.QUEUED]
    while state not in paths:
        here = waiting.pop(0)
        for following in sorted(MOVES[here]):
            if following not in paths:
                paths[following] = [*paths[here], following]
                waiting.append(following)
    return paths[state]


def move_by_sql(job: Job, to: JobState) -> None:
    rise = 1 if to == JobState.STARTING else 0
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET state = %s, fence = fence + %s WHERE id = %s", [to, rise, job.id])
