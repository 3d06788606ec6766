"""Reads: what the stages of pipeline runs made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Model
from django.utils.functional import Promise

from jobs.produced import ProducedRow
from jobs.transitions import JobState
from pipelines.declaration import stage_of
from pipelines.models import PipelineRun, RunState


@dataclass(frozen=True)
class StageProgress:
    """A stage of a run as pages show it."""

    name: str
    label: str | Promise
    state: str
    """One of RunState."""
    row: Model | None
    """What the stage made or makes; None before it began, or if it was left out."""

    @property
    def shown_state(self) -> str:
        """The state for people: that of the row while the stage waits for it."""
        if self.state == RunState.RUNNING and isinstance(self.row, ProducedRow):
            return self.row.shown_state
        return self.state


def shown_state_of(run: PipelineRun, stages: Mapping[str, Iterable[StageProgress]]) -> str:
    """The stage that works, how the run ended, or that the job of its stage waits; `stages` by the run's id."""
    current = next((stage for stage in stages[run.id] if stage.state == RunState.RUNNING), None)
    if current is not None and current.shown_state in (JobState.QUEUED, JobState.PAUSED):
        return current.shown_state
    return run.stage


def stages_of_runs(runs: Iterable[PipelineRun]) -> dict[str, list[StageProgress]]:
    """The stages of each run by its id, with one query for each stage of the pipelines among them.

    Read the runs with their `stages` prefetched.
    """
    runs = list(runs)
    produced: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        for stage_run in run.stages.all():
            if stage_run.produced_id:
                produced.setdefault((run.pipeline, stage_run.name), []).append(stage_run.produced_id)
    found = {key: stage_of(*key).rows().in_bulk(ids) for key, ids in produced.items()}
    return {
        run.id: [
            StageProgress(
                name=each.name,
                label=stage_of(run.pipeline, each.name).label,
                state=each.state,
                row=found.get((run.pipeline, each.name), {}).get(each.produced_id),
            )
            for each in run.stages.all()
        ]
        for run in runs
    }
