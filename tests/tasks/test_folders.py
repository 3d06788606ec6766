"""What is kept of run folders: enough to resume and to explain, and nothing half-written."""

from __future__ import annotations

from jobs.models import Job
from workers.tasks.folders import clean_folders, prune_attempts


def attempt(job: Job) -> None:
    for name in ("checkpoints/4", "checkpoints/8.tmp", "scratch", "output"):
        (job.run_dir / name).mkdir(parents=True)
    (job.run_dir / "config.json.tmp").touch()
    (job.run_dir / "exit.json").touch()


def names(job: Job) -> set[str]:
    return {path.relative_to(job.run_dir).as_posix() for path in job.run_dir.rglob("*")}


def test_a_checkpoint_that_was_being_written_is_not_kept_with_the_others(make_job):
    job = make_job()
    attempt(job)
    prune_attempts(job)
    assert names(job) == {"checkpoints", "checkpoints/4", "exit.json"}


def test_a_failed_job_keeps_its_newest_checkpoints_and_nothing_half_written(make_job):
    job = make_job()
    job.state = "failed"
    attempt(job)
    clean_folders(job)
    assert names(job) == {"checkpoints", "checkpoints/4", "exit.json"}
