"""While an installation is upgraded, web and workers are of two releases for a time."""

from __future__ import annotations

import tomllib

import pytest
from django.db import connection

from audit.services import SYSTEM
from common.release import RELEASE, is_newer
from jobs.api import job_body
from jobs.models import Job
from jobs.services import job_cancel, job_submit
from jobs.types import Placement
from workers.orchestration.launchers.base import Exited
from workers.orchestration.run_setup import run_of

from ..jobs.work import Work

NEWER = "99.1.0"


@pytest.fixture
def submit(null_cluster):
    def submit(spec: Work | None = None) -> Job:
        return job_submit(spec=spec or Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))

    return submit


@pytest.fixture
def of_newer_web(monkeypatch, submit):
    with monkeypatch.context() as newer:
        newer.setattr("jobs.services.RELEASE", NEWER)
        job = submit()
        # With a field that this release does not know.
        Job.objects.filter(pk=job.pk).update(spec=job.spec | {"invented_later": 1})
        return job


@pytest.fixture
def upgrade_workers(monkeypatch):
    def upgrade() -> None:
        monkeypatch.setattr("common.release.RELEASE", NEWER)
        monkeypatch.setattr("jobs.services.RELEASE", NEWER)

    return upgrade


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_the_release_is_the_projects(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == RELEASE


@pytest.mark.parametrize(
    ("release", "newer"),
    [("", False), (RELEASE, False), ("0.0.9", False), ("0.10.0", True), (NEWER, True), ("next", True)],
)
def test_compares_releases_by_number(release, newer):
    assert is_newer(release) is newer


def test_older_workers_leave_a_newer_job_waiting_and_show_why(of_newer_web, tick):
    for _ in range(2):
        tick()
    job = fresh(of_newer_web)
    assert (job.state, job.waits_for, job.attempt, job.error_code) == ("queued", "workers", 0, "")
    waiting = job_body(job)["waiting"]
    assert waiting["code"] == "workers"
    assert NEWER in waiting["message"]


def test_a_newer_job_starts_once_workers_are_upgraded(of_newer_web, tick, upgrade_workers):
    tick()
    upgrade_workers()
    tick()
    job = fresh(of_newer_web)
    assert (job.state, job.waits_for) == ("starting", "")


def test_a_newer_job_does_not_delay_other_jobs(of_newer_web, submit, tick):
    behind = submit()
    tick()
    assert fresh(behind).state == "starting"


def test_older_workers_touch_no_run_of_newer_ones(
    of_newer_web, tick, upgrade_workers, null_launcher, monkeypatch
):
    upgrade_workers()
    tick()
    monkeypatch.undo()
    job = fresh(of_newer_web)
    null_launcher.end(run_of(job), Exited(2))
    tick()
    assert fresh(job).state == "starting"
    upgrade_workers()
    tick()
    assert fresh(job).state == "queued", "its engine has ended, and there is another attempt"


def test_newer_workers_keep_the_jobs_that_they_started(submit, tick, upgrade_workers):
    """Its engine writes events and results that older workers may not understand."""
    job = submit()
    upgrade_workers()
    tick()
    assert fresh(job).release == NEWER


def test_newer_workers_finalize_what_ended_under_them(of_newer_web, tick, upgrade_workers, finalized):
    job_cancel(job=of_newer_web, actor=SYSTEM)
    tick()
    assert finalized == []
    upgrade_workers()
    tick()
    assert finalized == [of_newer_web.id]


def test_a_job_of_an_older_web_starts_at_once(submit, tick):
    """It names no release, because that web does not know the column."""
    job = submit()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET release = DEFAULT WHERE id = %s", [job.id])
    tick()
    assert (fresh(job).state, fresh(job).release) == ("starting", RELEASE)
