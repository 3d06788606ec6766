"""The interface of a launcher, which runs engines in one place, such as this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class RunRef:
    """One attempt of one job. Every launcher finds its run by this alone, so that nothing is lost
    when a worker dies between launching and noting that it launched."""

    job_id: str
    fence: int
    run_dir: Path


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Everything that a launcher needs to know of the processes it starts.

    `config.json` is in the run folder before it is launched.
    """

    command: tuple[str, ...]
    """Arguments of a Python interpreter: module and configuration. The launcher puts its interpreter before
    them and, for more than one process, torchrun."""
    environment: Mapping[str, str]
    """In addition to what the launcher sets itself. It contains a secret, so it is never logged."""
    processes: int = 1
    """One for each rank; more than one are started by torchrun."""
    nodes: int = 1
    """Machines that the processes are spread over evenly. Launcher `local` has one."""
    cpus: int
    """Cores for all processes together; 0 for a light job, which gets no core of its own."""
    memory_bytes: int
    gpus: int = 0
    image: str = ""
    """Of the containers, for launchers that start some."""
    wall_seconds: int | None = None
    """The longest time it may run, for launchers that must name one. Launcher `local` sets no limit."""

    @property
    def threads(self) -> int:
        """CPU threads of each process."""
        return max(1, self.cpus // self.processes)


@dataclass(frozen=True)
class Absent:
    """Not there yet: launched a moment ago, or never."""


@dataclass(frozen=True)
class Running:
    pass


@dataclass(frozen=True)
class Exited:
    """Every process of the run has ended; `code` is the engine's, negative for a signal."""

    code: int


@dataclass(frozen=True)
class Lost:
    """It was there and is gone without an exit code; parts of it may still have to be killed."""


Observation = Absent | Running | Exited | Lost


class Launcher(Protocol):
    """All calls return soon, may be repeated, and may be made by any worker."""

    is_one_machine: bool
    """Its runs share the cores of one machine."""

    def launch(self, run: RunRef, engine: Engine) -> dict[str, Any]:
        """Start the run unless it was started before. The answer is kept for people to see."""

    def poll(self, run: RunRef) -> Observation: ...

    def revoke(self, run: RunRef) -> bool:
        """Make sure that an absent run never starts. False: it has started after all."""

    def stop(self, run: RunRef, grace: float) -> None:
        """Ask the run to make its state safe and end; after `grace` seconds it is killed."""

    def kill(self, run: RunRef) -> bool:
        """End every process of the run now. True once their death is certain."""

    def running(self) -> Iterable[RunRef]:
        """Every run of which any process is alive here, with or without a claim."""
