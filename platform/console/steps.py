"""A step to a served model: its state, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from common.permissions import Permission


class StepState(StrEnum):
    DONE = "done"
    NOT_YET = "not_yet"
    RUNNING = "running"
    QUEUED = "queued"
    """It starts by itself when its turn comes."""
    WAITING = "waiting"
    """A person has to decide."""
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    STALE = "stale"
    """Done, but something newer came before it."""


class Look(NamedTuple):
    tone: str
    icon: str
    label: str | Promise


LOOKS: dict[StepState, Look] = {
    StepState.DONE: Look("good", "circle-check", pgettext_lazy("step", "done")),
    StepState.NOT_YET: Look("still", "circle-dashed", pgettext_lazy("step", "not yet done")),
    StepState.RUNNING: Look("busy", "loader-circle", pgettext_lazy("step", "in progress")),
    StepState.QUEUED: Look("still", "clock", pgettext_lazy("step", "waits in line")),
    StepState.WAITING: Look("wait", "users", pgettext_lazy("step", "waits for a person")),
    StepState.FAILED: Look("bad", "circle-alert", pgettext_lazy("step", "failed")),
    StepState.INCONCLUSIVE: Look("warn", "triangle-alert", pgettext_lazy("step", "inconclusive")),
    StepState.STALE: Look("warn", "refresh-cw", pgettext_lazy("step", "no longer up to date")),
}


@dataclass(frozen=True)
class Step:
    key: str
    name: str
    state: StepState
    note: str
    """What there is already."""
    url: str
    advice: str
    """What to do, where this is the next step."""
    label: str
    """Of the button that does it."""
    permission: Permission

    @property
    def look(self) -> Look:
        return LOOKS[self.state]


def next_step(steps: Sequence[Step]) -> Step | None:
    """The one to do now: what waits for a person, the last first; else the first that is not done; else what is
    no longer up to date."""
    waiting = [step for step in reversed(steps) if step.state is StepState.WAITING]
    undone = [step for step in steps if step.state not in (StepState.DONE, StepState.STALE)]
    stale = [step for step in steps if step.state is StepState.STALE]
    return next(iter([*waiting, *undone, *stale]), None)
