"""How an attempt ended, read from what it left in its folder."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from workers.contract.run_folder import RunFolder
from workers.contract.specs.run import ExitCode, RunError, RunResult, RunStatus
from workers.orchestration.json_reading import read_json

DISK_FULL = ".system.disk_full"
NOT_THE_WORK = (DISK_FULL, ".system.parser_killed")
"""Said by an engine that is well, of what somebody else did to it."""


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    STOPPED = "stopped"
    USER = "user"
    SYSTEM = "system"
    LOST = "lost"


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    error: RunError
    """Why there is no result; also set (and unused) where there is one."""
    result: dict[str, Any] = field(default_factory=dict)


def read_outcome(kind: str, run_dir: Path, code: int | None) -> Outcome:
    """`code` is the engine's exit code, or None when it vanished without one.

    `result.json` is the last thing an engine writes, so where it stands it is the truth, also if
    the process was killed a moment later.
    """
    result = _read_result(run_dir)
    if result is None:
        return _without_result(kind, code)
    if result.status is RunStatus.SUCCEEDED:
        return Outcome(Verdict.SUCCEEDED, _unexplained(kind, code), result.output)
    if result.status is RunStatus.STOPPED:
        # Where one rank is lost, torchrun stops the others: they stop well, and yet nobody asked.
        asked = code in (None, ExitCode.STOPPED)
        return (
            Outcome(Verdict.STOPPED, _stopped(kind))
            if asked
            else Outcome(Verdict.LOST, _unexplained(kind, code))
        )
    return _failed(kind, code, result.error or _unexplained(kind, code))


def _failed(kind: str, code: int | None, error: RunError) -> Outcome:
    if ".user." in error.code:
        return Outcome(Verdict.USER, error)
    if code == -signal.SIGKILL:
        # One process of many was killed; what the others then said is not what was wrong.
        return Outcome(Verdict.LOST, _unexplained(kind, code))
    # A full disk may be emptied, and whoever killed a process of the run need not come again.
    return Outcome(Verdict.LOST if error.code.endswith(NOT_THE_WORK) else Verdict.SYSTEM, error)


def was_asked_to_stop(run_dir: Path) -> bool:
    """Whether the platform told this attempt to stop; the launcher leaves `stop.json` when it does."""
    return RunFolder(run_dir).stop.exists()


def _read_result(run_dir: Path) -> RunResult | None:
    try:
        return RunResult.model_validate(read_json(RunFolder(run_dir).result.read_bytes()))
    except (FileNotFoundError, ValueError):
        return None


def _without_result(kind: str, code: int | None) -> Outcome:
    if code == ExitCode.STOPPED or code == -signal.SIGTERM:
        return Outcome(Verdict.STOPPED, _stopped(kind))
    error = _unexplained(kind, code)
    if code in (None, -signal.SIGKILL, ExitCode.DISK_FULL):
        return Outcome(Verdict.LOST, error)
    return Outcome(Verdict.SYSTEM, error)


def _stopped(kind: str) -> RunError:
    return RunError(
        code=f"{kind}.system.stopped",
        message="The process was told to stop, and not by the platform. Look for what ends processes on the node.",
    )


def _unexplained(kind: str, code: int | None) -> RunError:
    if code is None or code == -signal.SIGKILL:
        return RunError(
            code=f"{kind}.system.lost",
            message="The process or its machine was lost. Look at the node's memory, power and log.",
        )
    if code == ExitCode.DISK_FULL:
        return RunError(
            code=f"{kind}{DISK_FULL}",
            message="The disk of the node is full, so that not even a result could be written. Free some space.",
        )
    if code == ExitCode.DONE:
        return RunError(
            code=f"{kind}.system.result_missing",
            message="The engine ended without leaving a result. Look at the disk of the node and at its log.",
        )
    return RunError(
        code=f"{kind}.system.crashed",
        message=f"The engine ended with code {code} and gave no reason. Its log on the node has the details.",
    )


def stalled(kind: str) -> RunError:
    return RunError(
        code=f"{kind}.system.stalled",
        message="The run was alive but made no step for far longer than usual, so it was ended.",
    )
