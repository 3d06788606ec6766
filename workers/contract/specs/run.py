"""What an engine process is started with (`RunConfig`) and what it writes at its end (`RunResult`)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from workers.contract.spec import Spec


class ExitCode:
    """How an engine process ends. The platform decides about a retry from this alone."""

    DONE = 0
    USER_ERROR = 2
    SYSTEM_ERROR = 3
    DISK_FULL = 4
    """The disk was so full that not even the result could be written."""
    STOPPED = 143


class RunConfig(Spec):
    """The content of `config.json`: one attempt of one job.

    `spec` stays a plain object here; each engine validates it with its own spec class.
    """

    version: Literal[1] = 1
    job_id: str
    kind: str
    fence: int = Field(ge=0)
    """Rises with every claim of the job. A run folder belongs to exactly one fence."""
    attempt: int = Field(ge=0)
    run_dir: Path
    """This attempt's own folder: `events.jsonl`, `result.json`, `checkpoints/`, `output/`."""
    previous_run_dirs: tuple[Path, ...] = ()
    """Folders of earlier attempts, newest first, which may hold checkpoints to resume from."""
    threads: int = Field(default=1, ge=1)
    """CPU threads this process may use."""
    spec: dict[str, Any]


VALUE_LENGTH = 300
ErrorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
ErrorValue = (
    Annotated[str, Field(max_length=VALUE_LENGTH)] | int | Annotated[float, Field(allow_inf_nan=False)]
)


class RunError(Spec):
    """Why a run did not succeed."""

    code: str = Field(pattern=r"^[a-z_]+\.(user|system)\.[a-z0-9_]+$")
    """Stable, `engine.user|system.what`, for example `training.user.empty_dataset`."""
    message: str
    """For the administrator: what was wrong, where, what to do. Never document text."""
    param: str | None = None
    """The field, file, line or document the error is about."""
    values: dict[ErrorName, ErrorValue] = Field(default_factory=dict, max_length=20)
    """What the platform's sentences for `code` are filled with in the reader's language: places, numbers, and names that
    people gave; never document text. `reason` among them chooses one of several sentences of the same code."""


class RunStatus(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


class RunResult(Spec):
    """The content of `result.json`, written last, by rename."""

    version: Literal[1] = 1
    status: RunStatus
    output: dict[str, Any] = Field(default_factory=dict)
    """The engine's own result class as JSON (for example `TrainingResult`)."""
    error: RunError | None = None
