"""Reads: what the stages of pipeline runs made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Model
from django.utils.functional import Promise

from pipelines.declaration import stage_of
from pipelines.models import PipelineRun


@dataclass(frozen=True)
class StageProgress:
    """A stage of a run as pages show it."""

    name: str
    label: str | Promise
    state: str
    """One of RunState."""
    row: Model | None
    """What the stage made or makes; None before it began, or if it was left out."""


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
