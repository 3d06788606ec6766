"""A scheduled run as a road: each stage with its state and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from schedules.models import ScheduledRun, Stage

ROAD: tuple[tuple[str, str | Promise, str], ...] = (
    (Stage.CURATE, _("Dataset"), "dataset_version"),
    (Stage.TRAIN, _("Training"), "training_run"),
    (Stage.EVALUATE, _("Evaluation"), "evaluation"),
    (Stage.INDEX, _("Index"), "index_build"),
    (Stage.RELEASE, _("Release"), "release"),
)


@dataclass(frozen=True)
class Step:
    name: str | Promise
    made: Any
    """What the stage made or is making; None before it began, or where it was left out."""
    state: str
    """`done`, `running`, `failed`, `skipped` or `pending`."""


def road(run: ScheduledRun) -> list[Step]:
    """Read it with what the run made selected."""
    made = [getattr(run, attribute) for _stage, _name, attribute in ROAD]
    here = _position(run, made)
    return [
        Step(name, made[at], _state(run, at, here, made[at]))
        for at, (_stage, name, _attribute) in enumerate(ROAD)
    ]


def _position(run: ScheduledRun, made: list[Any]) -> int:
    """The stage it is in or was in when it ended; beyond the last one when all is done."""
    if run.stage == Stage.DONE:
        return len(ROAD)
    for at, (stage, _name, _attribute) in enumerate(ROAD):
        if run.stage == stage:
            return at
    # Failed or skipped: where the last thing was begun.
    begun = [at for at, thing in enumerate(made) if thing is not None]
    return begun[-1] if begun else 0


def _state(run: ScheduledRun, at: int, here: int, made: Any) -> str:
    if at < here:
        return "done" if made is not None else "skipped"
    if at > here:
        return "pending" if run.ended_at is None else "skipped"
    if run.stage == Stage.SKIPPED:
        return "skipped"
    return "failed" if run.stage == Stage.FAILED else "running"
