"""What the platform asks of a place that runs engines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.utils.crypto import salted_hmac


@dataclass(frozen=True)
class RunRef:
    """One attempt of one job. Every launcher finds its run by this alone, so that nothing is lost
    when a worker dies between launching and noting that it launched."""

    job_id: str
    fence: int
    run_dir: Path


@dataclass(frozen=True)
class Engine:
    """How the run is started; `config.json` already lies in the run folder."""

    module: str
    processes: int
    """More than one: started by torchrun, one process for each rank."""
    threads: int
    """CPU threads of each process."""


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
    """It was there and is gone without a word; parts of it may still have to be killed."""


Observation = Absent | Running | Exited | Lost


def run_secret(job_id: str) -> str:
    """Signs what only the job's own attempts may load again (optimizer shards are pickles).

    The same for every attempt, never stored, and of no use to another job.
    """
    return salted_hmac("kosha.run", job_id, secret=settings.SECRET_KEY, algorithm="sha256").hexdigest()


class Launcher(Protocol):
    """All calls return soon, may be repeated, and may be made by any worker."""

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
        """Every run of which any process is alive here, wanted or not."""
