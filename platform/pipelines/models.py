"""Runs of pipelines: one row for the run and one for each of its stages."""

from __future__ import annotations

from django.db import models

from audit.services import Actor
from common.ids import PrefixedIdField
from common.models import TenantModel
from jobs.failures import FailureModel


class RunState(models.TextChoices):
    """The state of a run, or of one of its stages."""

    PENDING = "pending"
    """Not begun: stages only."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Stopped by a person: the run itself, or the job of its stage."""
    SKIPPED = "skipped"
    """A stage that was left out, or a run that found nothing new."""


class PipelineRun(FailureModel, TenantModel):
    """One run of a declared pipeline. `pipelines/services.py` is its only writer.

    While it runs, its error says why its current stage is blocked.
    """

    id = PrefixedIdField("piperun_")
    pipeline = models.CharField(max_length=40)
    """The name of the pipeline's declaration."""
    inputs = models.JSONField()
    """The pipeline's inputs class as JSON, frozen when the run starts."""
    series = models.CharField(max_length=64)
    """Runs that repeat one another share it: a run whose first stage yields what an earlier run of the
    series was done with is skipped."""
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    blocked_since = models.DateTimeField(null=True)
    """Since when the current stage has been refused for a reason that may pass; by the database's clock."""
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["ended_at"], condition=models.Q(ended_at=None), name="unfinished_pipeline_runs"
            ),
            models.Index(fields=["organization", "series", "-id"], name="pipeline_runs_of_series"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def actor(self) -> Actor:
        return Actor(self.actor_kind, self.actor_id, self.actor_label)

    @property
    def current(self) -> StageRun | None:
        """The stage that runs; None once the run has ended. Read it with its `stages` prefetched."""
        return next((stage for stage in self.stages.all() if stage.state == RunState.RUNNING), None)

    @property
    def stage(self) -> str:
        """The name of the stage that runs or, once the run has ended, how it ended."""
        return self.current.name if self.current else self.state

    def produced_id(self, stage: str) -> str | None:
        """The id of the row that the named stage made or makes."""
        return next((each.produced_id or None for each in self.stages.all() if each.name == stage), None)


class StageRun(TenantModel):
    """One stage of a run. Exactly one stage of an unfinished run is `running`."""

    id = PrefixedIdField("stagerun_")
    run = models.ForeignKey(PipelineRun, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.PENDING)
    produced_id = models.CharField(max_length=64, blank=True)
    """The row that the stage made or makes; the stage's declaration names its model."""

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="one_stage_at_a_position")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.name}"
