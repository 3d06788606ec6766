"""A launcher that runs nothing; a test sets what it observes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workers.orchestration.launchers.base import Absent, Engine, Lost, Observation, Running, RunRef


class NullLauncher:
    """Every launched run is Running until `end(run, ...)`; calls are kept in `calls`."""

    is_one_machine = True

    def __init__(self) -> None:
        self.calls: list[tuple[str, RunRef]] = []
        self.observations: dict[RunRef, Observation] = {}
        self.engines: dict[RunRef, Engine] = {}
        self.revoked: set[RunRef] = set()

    def end(self, run: RunRef, observation: Observation) -> None:
        self.observations[run] = observation

    def launch(self, run: RunRef, engine: Engine) -> dict[str, Any]:
        self.calls.append(("launch", run))
        self.engines[run] = engine
        if run not in self.revoked:
            self.observations[run] = Running()
        return {"launcher": "null"}

    def poll(self, run: RunRef) -> Observation:
        return self.observations.get(run, Absent())

    def revoke(self, run: RunRef) -> bool:
        if isinstance(self.poll(run), Absent):
            self.revoked.add(run)
        return run in self.revoked

    def stop(self, run: RunRef, grace: float) -> None:
        self.calls.append(("stop", run))

    def kill(self, run: RunRef) -> bool:
        self.calls.append(("kill", run))
        if isinstance(self.poll(run), Running):
            self.observations[run] = Lost()
        return True

    def running(self) -> Iterable[RunRef]:
        return [run for run, seen in self.observations.items() if isinstance(seen, Running)]
