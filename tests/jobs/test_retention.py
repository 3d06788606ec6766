"""What is deleted of jobs that ended long ago, and what never is."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.utils import timezone

from common.tenancy import every_organization
from jobs import retention
from jobs.models import Job, JobEvent
from jobs.retention import KEPT_POINTS, metrics_sweep, run_folders_sweep
from jobs.transitions import TERMINAL, JobState
from workers.orchestration.app import app
from workers.orchestration.periodic_tasks import sessions_clear

LONG_AGO = timedelta(days=91)
RECENTLY = timedelta(days=29)


@pytest.fixture
def ended(make_job, storage):
    """A job that ended `ago`, with a run folder that holds a checkpoint."""

    def make(state=JobState.FAILED, ago=LONG_AGO, *, cleaned=True, has_metrics=True) -> Job:
        job = make_job(state)
        fields = {"cleaned_at": Now()} if cleaned else {}
        fields["has_metrics"] = has_metrics
        Job.objects.filter(pk=job.pk).update(ended_at=Now() - ago, **fields)
        for attempt in ("1", "2"):
            folder = job.run_dir.parent / attempt / "checkpoints" / "4"
            folder.mkdir(parents=True)
            (folder / "weights").write_bytes(b"w")
        return Job.objects.get(pk=job.pk)

    return make


def folder_of(job: Job):
    return job.run_dir.parent


# -- run folders --------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_removes_run_folders_of_jobs_that_ended_long_ago(ended, state):
    old, young = ended(state), ended(state, RECENTLY)
    for _ in range(2):
        run_folders_sweep()
        assert not folder_of(old).exists()
        assert (folder_of(young) / "2" / "checkpoints" / "4" / "weights").exists()


@pytest.mark.parametrize("state", [state for state in JobState if state not in TERMINAL])
def test_keeps_checkpoints_of_unfinished_jobs_of_any_age(ended, state):
    """One that is paused may be resumed after a year."""
    job = ended(state, timedelta(days=400), cleaned=False)
    run_folders_sweep()
    assert (folder_of(job) / "1" / "checkpoints" / "4" / "weights").exists()


def test_keeps_results_that_are_not_finalized(ended):
    job = ended(JobState.SUCCEEDED, cleaned=False)
    run_folders_sweep()
    assert folder_of(job).exists()


def test_keeps_folders_that_belong_to_no_job(ended, storage):
    stranger = storage / "runs" / "job_unknown"
    stranger.mkdir(parents=True)
    (storage / "runs" / "ended").touch()
    run_folders_sweep()
    assert sorted(path.name for path in (storage / "runs").iterdir()) == ["ended", "job_unknown"]


def test_continues_an_interrupted_removal(ended, monkeypatch):
    job, other = ended(), ended()
    remove = retention.run_folder_delete

    def broken_off(job_id):
        if job_id == job.id:
            (folder_of(job) / "2" / "checkpoints" / "4" / "weights").unlink()
            raise OSError(5, "Input/output error")
        remove(job_id)

    with monkeypatch.context() as trouble:
        trouble.setattr(retention, "run_folder_delete", broken_off)
        run_folders_sweep()
    assert folder_of(job).exists()
    assert not folder_of(other).exists(), "it holds up no other"
    run_folders_sweep()
    assert not folder_of(job).exists()


def test_the_ages_are_settings(ended, settings):
    job = ended(ago=RECENTLY)
    settings.KOSHA_RUN_FOLDER_DAYS = 28
    run_folders_sweep()
    assert not folder_of(job).exists()


# -- curves ---------------------------------------------------------------------------------------------
def points(job: Job, steps, fence: int = 1) -> None:
    JobEvent.objects.bulk_create(
        JobEvent(
            job=job,
            organization_id=job.organization_id,
            fence=fence,
            sequence=number,
            type="metrics",
            data={"step": step, "values": {"loss": step / 10}, "time": 0.0},
        )
        for number, step in enumerate(steps)
    )


def steps_of(job: Job, fence: int | None = None) -> list[int]:
    rows = JobEvent.objects.filter(job=job, type="metrics")
    rows = rows if fence is None else rows.filter(fence=fence)
    return sorted(data["step"] for data in rows.values_list("data", flat=True))


@pytest.mark.parametrize("count", [KEPT_POINTS + 1, 2 * KEPT_POINTS - 1, 7 * KEPT_POINTS + 3])
def test_thins_an_old_curve_evenly_and_keeps_both_ends(ended, count):
    job = ended(JobState.SUCCEEDED)
    points(job, range(1, count + 1))
    for _ in range(2):
        metrics_sweep()
        steps = steps_of(job)
        assert len(steps) == KEPT_POINTS
        assert (steps[0], steps[-1]) == (1, count)
    gaps = {later - earlier for earlier, later in pairwise(steps)}
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("count", [0, 1, 2, KEPT_POINTS])
def test_keeps_a_short_curve_whole(ended, count):
    job = ended(JobState.SUCCEEDED)
    points(job, range(count))
    metrics_sweep()
    assert steps_of(job) == list(range(count))


def test_keeps_the_newest_point_of_a_repeated_step(ended):
    job = ended(JobState.SUCCEEDED)
    points(job, range(1, 9), fence=1)
    points(job, range(5, 12), fence=2)
    metrics_sweep()
    assert steps_of(job, fence=1) == [1, 2, 3, 4]
    assert steps_of(job, fence=2) == list(range(5, 12))


def test_keeps_recent_curves_and_all_other_events(ended):
    old, young = ended(), ended(ago=RECENTLY)
    points(young, range(KEPT_POINTS + 50))
    points(old, range(KEPT_POINTS + 50))
    JobEvent.objects.bulk_create(
        JobEvent(job=old, organization_id=old.organization_id, fence=1, sequence=n + 10_000, type="log")
        for n in range(KEPT_POINTS + 1)
    )
    metrics_sweep()
    assert len(steps_of(young)) == KEPT_POINTS + 50
    assert JobEvent.objects.filter(job=old, type="log").count() == KEPT_POINTS + 1


def test_thins_a_curve_once(ended, django_assert_num_queries):
    """Due curves are found through an index: an hourly task must not read all curves ever made."""
    ended()
    metrics_sweep()
    with every_organization("test"), django_assert_num_queries(1):
        metrics_sweep()


def test_repeats_an_interrupted_thinning(ended, monkeypatch):
    job = ended()
    points(job, range(KEPT_POINTS * 2))
    with monkeypatch.context() as trouble:
        trouble.setattr(retention, "THIN", f"{retention.THIN}; SELECT 1/0")
        with pytest.raises(Exception, match="division by zero"):
            metrics_sweep()
    assert len(steps_of(job)) == KEPT_POINTS * 2
    metrics_sweep()
    assert len(steps_of(job)) == KEPT_POINTS


# -- sessions ---------------------------------------------------------------------------------------------
def test_deletes_expired_sessions_only(db):
    keys = []
    for minutes in (-1, 1):
        session = SessionStore()
        session["language"] = json.dumps(minutes)
        session.create()
        Session.objects.filter(pk=session.session_key).update(
            expire_date=timezone.now() + timedelta(minutes=minutes)
        )
        keys.append(session.session_key)
    for _ in range(2):
        sessions_clear()
        assert list(Session.objects.values_list("pk", flat=True)) == keys[1:]


def test_beat_starts_every_retention_task(db):
    app.loader.import_default_modules()
    started = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"retention.sessions", "retention.run_folders", "retention.metrics"} <= started <= set(app.tasks)
