"""How an attempt ended, read from its run folder, and what follows for its job.

A run may be lost, or stopped by something other than the platform, five times between two checkpoints. It may
fail with a system error twice between two checkpoints, but not twice at the same point with the same error. A
user's error is never retried.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from jobs.models import Job
from jobs.retries import MAX_FAILURES_SINCE_CHECKPOINT, MAX_LOSSES
from jobs.transitions import JobState
from jobs.types import job_type
from workers.contract.run_folder import RunFolder
from workers.contract.specs.run import ErrorValue, ExitCode, RunError, RunResult, RunStatus
from workers.orchestration.disk_budget import larger_need
from workers.orchestration.json_reading import read_json

FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(seconds=60)
DISK_FULL_DELAY = timedelta(seconds=10)
"""After a full disk: an operator has to free space, which takes longer than a tick."""

DISK_FULL = "system.disk_full"
CAUSED_BY_OTHERS = (DISK_FULL, "system.parser_killed")
"""Errors that are not the engine's fault: something else filled the disk or killed a process."""


class End(StrEnum):
    SUCCEEDED = "succeeded"
    USER_ERROR = "user_error"
    """The request or its data are wrong; another attempt would end alike."""
    SYSTEM_ERROR = "system_error"
    """The engine or the node could not go on, or the run stalled."""
    STOPPED = "stopped"
    """It ended in order, as a run does that is asked to stop."""
    LOST = "lost"
    """Killed, ended without an exit code, or silent beyond its lease. This says nothing about the work itself."""
    NOT_LAUNCHED = "not_launched"
    """The launcher raised an error, and nothing runs."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that is over."""

    end: End
    error: RunError
    """Why there is no result; also set (and unused) where there is one."""
    result: dict[str, Any] = field(default_factory=dict)
    stop_requested: bool = False
    """The platform asked it to stop; its launcher has written `stop.json`."""


@dataclass(frozen=True)
class NextStep:
    """The state that a job moves to after an attempt."""

    state: JobState
    error: RunError | None = None
    """Of a job that fails."""
    reason: str = ""
    """Of a job that is queued again."""
    delay: timedelta = timedelta()
    columns: dict[str, Any] = field(default_factory=dict)


# -- how it ended ---------------------------------------------------------------------------------------
def read_attempt(kind: str, run_dir: Path, exit_code: int | None) -> Attempt:
    """`exit_code` is the engine's, negative for a signal, or None where there is none.

    `result.json` is the last thing an engine writes, so where it exists it decides, also if the process was
    killed a moment later.
    """
    folder = RunFolder(run_dir)
    stop_requested = folder.stop.exists()
    unexplained = _unexplained_error(kind, exit_code)
    try:
        result = RunResult.model_validate(read_json(folder.result.read_bytes()))
    except (FileNotFoundError, ValueError):
        if exit_code in (ExitCode.STOPPED, -signal.SIGTERM):
            return Attempt(End.STOPPED, _stopped_error(kind), stop_requested=stop_requested)
        is_lost = exit_code in (None, -signal.SIGKILL, ExitCode.DISK_FULL)
        return Attempt(End.LOST if is_lost else End.SYSTEM_ERROR, unexplained, stop_requested=stop_requested)
    if result.status is RunStatus.SUCCEEDED:
        return Attempt(End.SUCCEEDED, unexplained, result.output, stop_requested)
    if result.status is RunStatus.STOPPED:
        # Where one rank is lost, torchrun stops the others: they stop in order, without a request to the run.
        if exit_code in (None, ExitCode.STOPPED):
            return Attempt(End.STOPPED, _stopped_error(kind), stop_requested=stop_requested)
        return Attempt(End.LOST, unexplained, stop_requested=stop_requested)
    error = result.error or unexplained
    if ".user." in error.code:
        end = End.USER_ERROR
    elif exit_code == -signal.SIGKILL:
        # One process of many was killed; what the others then reported is not the cause.
        end, error = End.LOST, unexplained
    else:
        end = End.LOST if error.code.endswith(CAUSED_BY_OTHERS) else End.SYSTEM_ERROR
    return Attempt(end, error, stop_requested=stop_requested)


def stalled_attempt(kind: str) -> Attempt:
    return Attempt(
        End.SYSTEM_ERROR,
        RunError(
            code=f"{kind}.system.stalled",
            message="The run was alive but made no step for far longer than usual, so it was ended.",
        ),
    )


def not_launched_attempt(kind: str, error: Exception, *, disk_is_full: bool) -> Attempt:
    return Attempt(
        End.NOT_LAUNCHED,
        RunError(
            code=f"{kind}.{DISK_FULL}" if disk_is_full else f"{kind}.system.launch_failed",
            message=(
                f"The run could not be started ({type(error).__name__}). "
                "Look at the disk of the node and at the log of the workers."
            ),
            values={} if disk_is_full else {"error": type(error).__name__},
        ),
    )


def _stopped_error(kind: str) -> RunError:
    return RunError(
        code=f"{kind}.system.stopped",
        message="The process was told to stop, and not by the platform. Look for what ends processes on the node.",
    )


def _unexplained_error(kind: str, exit_code: int | None) -> RunError:
    values: dict[str, ErrorValue] = {}
    if exit_code is None or exit_code == -signal.SIGKILL:
        what = "lost"
        message = "The process or its machine was lost. Look at the node's memory, power and log."
    elif exit_code == ExitCode.DISK_FULL:
        what = "disk_full"
        message = "The disk of the node is full, so that not even a result could be written. Free some space."
    elif exit_code == ExitCode.DONE:
        what = "result_missing"
        message = "The engine ended without leaving a result. Look at the disk of the node and at its log."
    else:
        what, values = "crashed", {"exit_code": exit_code}
        message = (
            f"The engine ended with code {exit_code} and gave no reason. Its log on the node has the details."
        )
    return RunError(code=f"{kind}.system.{what}", message=message, values=values)


# -- what follows ---------------------------------------------------------------------------------------
def next_step(job: Job, attempt: Attempt) -> NextStep:
    if job.state == JobState.CANCELLING:
        return NextStep(JobState.CANCELLED)
    if attempt.end is End.SUCCEEDED:
        return NextStep(JobState.SUCCEEDED)
    if attempt.end is End.USER_ERROR:
        return NextStep(JobState.FAILED, attempt.error)
    if job.state == JobState.PAUSING:
        # However it ended, it is not running, and resuming continues from its newest checkpoint.
        return NextStep(JobState.PAUSED)
    return _free_retry(job, attempt) or _retry_within_budget(job, attempt)


def _free_retry(job: Job, attempt: Attempt) -> NextStep | None:
    """For attempts that ended through no fault of the work or the node; they do not count against the budgets."""
    ended_by_us = job.stop_deadline is not None and attempt.end in (End.STOPPED, End.LOST)
    if ended_by_us:
        # The disk was nearly full. A job that starts from the beginning would fail again with the same space.
        columns = {} if job_type(job.kind).can_pause else {"disk_bytes": larger_need(job)}
        return NextStep(JobState.QUEUED, reason="disk_full", columns=columns)
    if attempt.end is End.STOPPED and attempt.stop_requested:
        # The installation was stopped.
        return NextStep(JobState.QUEUED, reason="stopped")
    if attempt.error.code == f"{job.kind}.{DISK_FULL}":
        # It waits for more space than was estimated.
        columns = {} if attempt.end is End.NOT_LAUNCHED else {"disk_bytes": larger_need(job)}
        return NextStep(JobState.QUEUED, reason=attempt.error.code, delay=DISK_FULL_DELAY, columns=columns)
    return None


def _retry_within_budget(job: Job, attempt: Attempt) -> NextStep:
    """The counters are those since the last checkpoint: a run that makes progress may be lost for weeks."""
    error = attempt.error
    if attempt.end is End.SYSTEM_ERROR:
        failures = job.failures_since_checkpoint + 1
        same_again = job.failed_code == error.code and job.failed_at == job.progress_done
        if same_again or failures > MAX_FAILURES_SINCE_CHECKPOINT:
            return NextStep(JobState.FAILED, error)
        repeated = failures
        columns: dict[str, Any] = {
            "failures_since_checkpoint": failures,
            "failed_code": error.code,
            "failed_at": job.progress_done,
        }
    else:
        losses = job.losses + 1
        if losses > MAX_LOSSES:
            return NextStep(JobState.FAILED, _too_often_error(job.kind, attempt, losses))
        # The first loss is followed by another attempt at once, later ones after ever longer delays.
        repeated = losses - 1
        columns = {"losses": losses}
    delay = min(FIRST_DELAY * (2**repeated - 1), LONGEST_DELAY)
    return NextStep(JobState.QUEUED, reason=error.code, delay=delay, columns=columns)


def _too_often_error(kind: str, attempt: Attempt, times: int) -> RunError:
    match attempt.end:
        case End.LOST:
            what = "lost"
            message = (
                f"The process or its machine was lost {times} times without getting any further. "
                "Look at the node's memory, power and log, then start the job again."
            )
        case End.STOPPED:
            what = "stopped"
            message = (
                f"The process was told to stop {times} times without getting any further, and not by the "
                "platform. Look for what ends processes on the node, then start the job again."
            )
        case _:
            return attempt.error
    return RunError(
        code=f"{kind}.system.{what}", message=message, values={"reason": "repeatedly", "times": times}
    )
