"""What a fault is: it is done, lasts a while, and is healed; what it had to spoil, it says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tests.faults.installation import StormedInstallation

T = TypeVar("T")
Heal = Callable[[], None]


class Skipped(Exception):
    """The fault had nobody to happen to; the sentence says why."""


class Impossible(Skipped):
    """The fault cannot be done on this machine at all."""


PATIENCE = 20.0
LOOK_SECONDS = 0.1


def awaited(find: Callable[[], list[T]], patience: float = PATIENCE) -> list[T]:
    """What `find` finds as soon as it finds something; empty where the patience (seconds) ends before."""
    deadline = time.monotonic() + patience
    while not (found := find()) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)  # between looks at other processes, not instead of one
    return found


@dataclass(frozen=True)
class Damaged:
    """A checkpoint that was spoilt: `folder` is …/runs/<job>/<fence>/checkpoints/<step>."""

    folder: Path

    @property
    def job(self) -> str:
        return self.folder.parents[2].name

    @property
    def fence(self) -> int:
        return int(self.folder.parents[1].name)

    @property
    def step(self) -> int:
        return int(self.folder.name)


@dataclass
class Storm:
    """What the faults share: the installation, and what they did to it."""

    installation: StormedInstallation
    ask: Callable[[Path], str | None]
    """Let the model server use an artefact: `used`, the code of its refusal, None without an answer."""
    damaged: list[Damaged] = field(default_factory=list)
    damage_used: list[str] = field(default_factory=list)
    """Damaged artefacts that were used all the same, or refused for a reason that is not the damage."""
    damage_refused: list[str] = field(default_factory=list)
    patience: float = PATIENCE
    """Seconds a fault waits for its victim."""
    started_elsewhere: list[int] = field(default_factory=list)
    """Processes the storm itself started beside the installation."""


@dataclass(frozen=True)
class Injected:
    """What was done, in words, and what undoes it after `hold` seconds."""

    what: str
    hold: float = 0.0
    heal: Heal = lambda: None


class Fault(Protocol):
    def inject(self, storm: Storm, draw: random.Random) -> Injected:
        """Raises Skipped."""
