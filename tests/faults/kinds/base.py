"""What a fault is: it is injected, lasts a while, and is healed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tests.faults.installation import FaultyInstallation

T = TypeVar("T")

VICTIM_SECONDS = 20.0
POLL_SECONDS = 0.1


class Skipped(Exception):
    """The fault found no victim; its text is the reason."""


class Impossible(Skipped):
    """This machine does not allow the fault at all."""


def find_within(find: Callable[[], list[T]], seconds: float = VICTIM_SECONDS) -> list[T]:
    """What `find` returns as soon as that is not empty; empty where the time is over before."""
    deadline = time.monotonic() + seconds
    while not (found := find()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)  # between looks at other processes, not instead of one
    return found


@dataclass(frozen=True)
class CheckpointDamage:
    """A checkpoint that was damaged: `folder` is …/runs/<job>/<fence>/checkpoints/<step>."""

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
class FaultContext:
    """The installation, and what the faults did to it."""

    installation: FaultyInstallation
    damaged: list[CheckpointDamage] = field(default_factory=list)
    damage_used: list[str] = field(default_factory=list)
    """Damaged artifacts that were used, or refused for another reason than their damage."""
    timeout: float = VICTIM_SECONDS
    """Seconds a fault waits for its victim."""


@dataclass(frozen=True)
class Injected:
    """What was done, and what undoes it after `hold` seconds."""

    what: str
    hold: float = 0.0
    heal: Callable[[], None] = lambda: None


class Fault(Protocol):
    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        """Raises Skipped."""
