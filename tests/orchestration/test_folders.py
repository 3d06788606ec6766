"""What is kept of run folders: checkpoints to resume from, logs, and nothing half-written."""

from __future__ import annotations

import pytest

from common.storage import run_path
from jobs.models import Job, JobEvent
from jobs.transitions import JobState
from workers.orchestration.folders import clean_folders, prune_attempts


def attempt(job: Job) -> None:
    for name in ("checkpoints/4", "checkpoints/8.tmp", "scratch", "output"):
        (job.run_dir / name).mkdir(parents=True)
    (job.run_dir / "config.json.tmp").touch()
    (job.run_dir / "exit.json").touch()


def names(job: Job) -> set[str]:
    return {path.relative_to(job.run_dir).as_posix() for path in job.run_dir.rglob("*")}


def test_removes_half_written_checkpoints(make_job):
    job = make_job()
    attempt(job)
    prune_attempts(job)
    assert names(job) == {"checkpoints", "checkpoints/4", "exit.json"}


@pytest.mark.parametrize(
    "state, cleans", [(JobState.QUEUED, prune_attempts), (JobState.FAILED, clean_folders)]
)
def test_keeps_the_checkpoint_last_resumed_from(make_job, state, cleans):
    """All later ones may be damaged: three damaged in a row once made a training begin from nothing."""
    job = make_job()
    job.state = state
    job.fence = 5
    for fence, steps in ((1, (3, 6, 9)), (2, (12,)), (3, (12,)), (4, (12,)), (5, ())):
        for step in steps:
            (run_path(job.id, fence) / "checkpoints" / str(step)).mkdir(parents=True)
        JobEvent.objects.create(
            organization=job.organization,
            job=job,
            fence=fence,
            type="started",
            data={"resumed_from_step": 6 if fence > 1 else None},
        )
    cleans(job)
    kept = {
        (fence, int(folder.name))
        for fence in range(1, 6)
        for folder in (run_path(job.id, fence) / "checkpoints").glob("*")
    }
    assert kept == {(1, 6), (1, 9), (2, 12), (3, 12), (4, 12)}


def test_a_failed_job_keeps_its_newest_whole_checkpoints(make_job):
    job = make_job()
    job.state = JobState.FAILED
    attempt(job)
    clean_folders(job)
    assert names(job) == {"checkpoints", "checkpoints/4", "exit.json"}
