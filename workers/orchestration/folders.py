"""Which run folders an attempt may resume from, and what is kept of them afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

from common.storage import run_path
from jobs.models import Job, JobEvent
from jobs.transitions import JobState
from workers.contract.run_folder import CHECKPOINTS, KEPT_FILES

RESUMABLE_FOLDERS = 2
"""Attempts whose checkpoints are all kept until the job has ended."""
STARTED = "started"


def previous_run_dirs(job: Job) -> tuple[Path, ...]:
    """The folders of earlier attempts that exist, newest first."""
    folders = (run_path(job.id, fence) for fence in range(job.fence - 1, 0, -1))
    return tuple(folder for folder in folders if folder.is_dir())


def prune_attempts(job: Job) -> None:
    """Before another attempt: remove what no resume will read.

    Damage in a checkpoint is found only when it is resumed from. All checkpoints after the one that the
    newest attempt has resumed from may be damaged, so that one is kept, whichever attempt made it.
    """
    folders = [job.run_dir, *previous_run_dirs(job)]
    newest = [folder for folder in folders if _has_checkpoints(folder)][:RESUMABLE_FOLDERS]
    started = JobEvent.objects.filter(job=job, type=STARTED).order_by("-id").first()
    resumed_from = 0 if started is None else started.data.get("resumed_from_step") or 0
    for folder in folders:
        _reduce(folder, {CHECKPOINTS})
        if folder in newest or not (folder / CHECKPOINTS).is_dir():
            continue
        for checkpoint in (folder / CHECKPOINTS).iterdir():
            if not checkpoint.name.isdigit() or int(checkpoint.name) < resumed_from:
                _remove(checkpoint)


def clean_folders(job: Job) -> None:
    """After the end: keep the files that explain it, and of a failed run the checkpoints to resume from."""
    if job.state == JobState.FAILED:
        prune_attempts(job)
        return
    for folder in (job.run_dir, *previous_run_dirs(job)):
        _reduce(folder, set())


def _has_checkpoints(folder: Path) -> bool:
    checkpoints = folder / CHECKPOINTS
    return checkpoints.is_dir() and any(not entry.name.endswith(".tmp") for entry in checkpoints.iterdir())


def _reduce(folder: Path, keep: set[str]) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.name in KEPT_FILES:
            continue
        if entry.name not in keep:
            _remove(entry)
            continue
        for half_written in entry.glob("*.tmp"):
            _remove(half_written)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
