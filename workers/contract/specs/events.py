"""The lines of `events.jsonl`: everything an engine reports while it runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from workers.contract.spec import Spec
from workers.contract.specs.ingest import FileOutcome


class Event(Spec):
    sequence: int = Field(ge=0)
    """Counts from 0 within one run folder, without gaps."""
    time: float
    """Unix seconds by the node's clock."""


class Started(Event):
    type: Literal["started"] = "started"
    pid: int
    host: str
    resumed_from_step: int | None = None


class Progress(Event):
    """How far the run is. The newest one gives the console its progress bar and the time left."""

    type: Literal["progress"] = "progress"
    done: float = Field(ge=0)
    total: float = Field(gt=0)
    unit: str
    """What is counted: `step`, `document`, `record`, `question`, `chunk`."""
    seconds_left: float | None = Field(default=None, ge=0)


class Metrics(Event):
    """A point of a curve, for example `{"loss": 2.1, "tokens_per_second": 150.0}` at `step`."""

    type: Literal["metrics"] = "metrics"
    step: int
    values: dict[str, float]


class CheckpointSaved(Event):
    """A checkpoint folder is complete on disk (renamed and fsynced)."""

    type: Literal["checkpoint"] = "checkpoint"
    step: int
    path: str
    """Relative to the run's folder, which may have been moved or restored elsewhere."""
    manifest_sha256: str
    values: dict[str, float] = Field(default_factory=dict)


class Log(Event):
    """A message for people. Never a secret, never a document's text."""

    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"] = "info"
    message: str
    data: dict[str, Any] = Field(default_factory=dict)


class FileRead(Event):
    """Of a run that reads many files: one of them is done, and what was read of it is in its folder for good."""

    type: Literal["file"] = "file"
    outcome: FileOutcome


class Stopped(Event):
    """The engine ended after a stop request; it can be resumed from `step`, if there is one."""

    type: Literal["stopped"] = "stopped"
    step: int | None = None


AnyEvent = Annotated[
    Started | Progress | Metrics | CheckpointSaved | Log | FileRead | Stopped, Field(discriminator="type")
]
EVENT = TypeAdapter[AnyEvent](AnyEvent)
