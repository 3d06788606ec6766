"""The row of what a job makes, and the function that completes it when the job has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.models import TenantModel
from common.storage import artifact_adopt
from jobs.failures import FailureModel
from jobs.models import Job
from jobs.transitions import JobState
from jobs.types import JobType, followers, job_type
from workers.contract.artifacts import verify_sizes
from workers.contract.run_folder import RunFolder
from workers.contract.spec import Spec


class ProducedState(models.TextChoices):
    BUILDING = "building", _("being built")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class Outcome(FailureModel, TenantModel):
    """What came of the work on a row: its state, and the result or the error."""

    STATES: ClassVar[Mapping[str, str]] = {
        JobState.SUCCEEDED: ProducedState.READY,
        JobState.FAILED: ProducedState.FAILED,
        JobState.CANCELLED: ProducedState.CANCELLED,
    }
    """The state of the row after each end of its job."""
    WAITING: ClassVar[str] = JobState.QUEUED
    WORKING: ClassVar[str] = ProducedState.BUILDING
    """What is shown of a row whose job is queued, and of one whose job runs."""

    state = models.CharField(max_length=16, choices=ProducedState.choices, default=ProducedState.BUILDING)
    result = models.JSONField(default=dict)
    """What its job has made, as JSON; empty until then."""
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    """Of the folder that the job has made."""

    class Meta:
        abstract = True

    @property
    def is_building(self) -> bool:
        return self.state not in self.STATES.values()

    def shown_state_with(self, job: Job | None) -> str:
        """The state for people; None: no job has taken the row up yet."""
        if not self.is_building:
            return self.state
        shown: dict[str, str] = {JobState.QUEUED: self.WAITING, JobState.STARTING: JobState.STARTING}
        shown |= {each: each for each in (JobState.PAUSING, JobState.PAUSED, JobState.CANCELLING)}
        return self.WAITING if job is None else shown.get(job.state, self.WORKING)


class ProducedRow(Outcome):
    """Made together with its job, and completed once when the job has ended."""

    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True

    @property
    def shown_state(self) -> str:
        """The state for people. Read the row with its `job` selected."""
        return self.shown_state_with(self.job)


def produced_finalize(job: Job) -> None:
    """Complete the row that `job` has made (or the rows), then call what follows a job of its type.

    Call it in a transaction that holds the lock on the job's row. A second call changes nothing. Raises
    ArtifactLost or ArtifactDamaged where the folder that the job has made is gone or incomplete.
    """
    known = job_type(job.kind)
    result = known.result.model_validate(job.result) if job.state == JobState.SUCCEEDED else None
    if known.finish is not None:
        known.finish(job, result)
    elif known.produces is not None:
        rows = known.produces.objects.select_for_update(no_key=True, of=("self",))
        row: ProducedRow | None = rows.filter(job=job).first()
        if row is not None and row.is_building and known.owner_exists(row):
            row.job = job
            _complete(row, job, known, result)
    for follow in followers(job.kind):
        follow(job)


def _complete(row: ProducedRow, job: Job, known: JobType, result: Spec | None) -> None:
    if result is not None:
        row.result = result.model_dump(mode="json")
        row.manifest_sha256 = row.result["manifest_sha256"]
        output = RunFolder(job.run_dir).output
        folder = output / known.sealed_folder(result)
        # A missing folder was adopted already, or `artifact_adopt` raises ArtifactLost. The files' hashes are
        # checked when the files are read: hashing a large model takes longer than the time limit of a task.
        if folder.is_dir():
            verify_sizes(folder, row.manifest_sha256)
        kept = output if known.keeps_whole_output else folder
        artifact_adopt(kept, row.organization_id, known.artifact, known.artifact_id(row))
        for name, value in known.columns(result).items():
            setattr(row, name, value)
    row.state = row.STATES[job.state]
    row.copy_error(job)
    row.save()
    known.on_end(row)
