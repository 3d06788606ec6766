"""What is left after a run, read from the database and the files; `checks.py` judges it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.installation import FaultyInstallation
from tests.faults.kinds.base import CheckpointDamage

TERMINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class ObservedAttempt:
    """One attempt of a job, from its own events."""

    fence: int
    began: float | None = None
    ended: float | None = None
    resumed_from: int | None = None
    last_step: int | None = None
    checkpoints: tuple[int, ...] = ()
    losses: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ObservedJob:
    id: str
    kind: str
    state: str
    finished: bool
    """Its end is processed and its folders are cleaned."""
    error_code: str = ""
    error_message: str = ""
    attempts: tuple[ObservedAttempt, ...] = ()
    every: int = 0
    """Steps between two checkpoints."""


@dataclass(frozen=True)
class ObservedVersion:
    id: str
    run: str
    base_model: str
    suffix: str
    number: int


@dataclass
class Observations:
    jobs: list[ObservedJob] = field(default_factory=list)
    trainings: dict[str, str] = field(default_factory=dict)
    """Name of the training, by job id."""
    references: dict[str, str] = field(default_factory=dict)
    """Job id of the undisturbed run, by name of the training."""
    adapters: dict[str, str] = field(default_factory=dict)
    """sha256 over the weights of the version that a training job made."""
    versions: list[ObservedVersion] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)
    """Whether the database still has what was acknowledged, by id (files, runs, stores)."""
    uploads: dict[str, bool] = field(default_factory=dict)
    """Whether the API gives an acknowledged file back byte for byte."""
    simultaneous: list[str] = field(default_factory=list)
    """Jobs of which two attempts' engines were alive at the same moment."""
    damaged: list[CheckpointDamage] = field(default_factory=list)
    damage_used: list[str] = field(default_factory=list)
    pending_parts: set[str] = field(default_factory=set)
    leftovers: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    shared_memory: list[str] = field(default_factory=list)
    exposed_secrets: list[str] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    """Answers 500 that do not name a damaged or missing artifact."""
    truncated_streams: list[str] = field(default_factory=list)
    """Streams that ended without `[DONE]` and without an error."""
    backups: int = 0
    """Made during the run."""
    restore_errors: list[str] = field(default_factory=list)
    never_happened: list[str] = field(default_factory=list)
    """Kinds of fault that never found a victim."""
    crashes: list[str] = field(default_factory=list)


# -- from the database ----------------------------------------------------------------------------
JOBS = """
    SELECT id, kind, state, cleaned_at IS NOT NULL, error_code, error_message,
           coalesce((spec->'checkpoint'->>'every_steps')::int, 0)
    FROM jobs_job ORDER BY id
"""
EVENTS = """
    SELECT job_id, fence, type, data FROM jobs_jobevent WHERE sequence IS NOT NULL ORDER BY id
"""
VERSIONS = """
    SELECT v.id, v.training_run_id, v.base_model_id, v.suffix, v.number, r.job_id
    FROM registry_modelversion v JOIN training_trainingrun r ON r.id = v.training_run_id
"""


def jobs(installation: FaultyInstallation) -> list[ObservedJob]:
    with installation.connect() as connection:
        rows = connection.execute(JOBS).fetchall()
        events = connection.execute(EVENTS).fetchall()
    by_job: dict[str, dict[int, list[tuple[str, dict[str, Any]]]]] = {}
    for job, fence, type_, data in events:
        by_job.setdefault(job, {}).setdefault(fence, []).append((type_, data))
    return [
        ObservedJob(
            *row[:6],
            tuple(_attempt(fence, of) for fence, of in sorted(by_job.get(row[0], {}).items())),
            row[6],
        )
        for row in rows
    ]


def _attempt(fence: int, events: list[tuple[str, dict[str, Any]]]) -> ObservedAttempt:
    times = [data["time"] for _, data in events if "time" in data]
    started = next((data for type_, data in events if type_ == "started"), {})
    losses = {data["step"]: data["values"]["loss"] for type_, data in events if type_ == "metrics"}
    return ObservedAttempt(
        fence=fence,
        began=started.get("time"),
        ended=max(times, default=None),
        resumed_from=started.get("resumed_from_step"),
        last_step=max(losses, default=None),
        checkpoints=tuple(data["step"] for type_, data in events if type_ == "checkpoint"),
        losses=losses,
    )


def versions(installation: FaultyInstallation) -> tuple[list[ObservedVersion], dict[str, str]]:
    """All versions, and the digest of the weights by the job that made them."""
    with installation.connect() as connection:
        rows = connection.execute(VERSIONS).fetchall()
    root = installation.var / "storage" / "organizations"
    found = [ObservedVersion(*row[:5]) for row in rows]
    return found, {row[5]: _weights(root, row[0]) for row in rows}


def _weights(root: Path, version: str) -> str:
    whole = hashlib.sha256()
    for path in sorted(root.glob(f"*/models/{version}/*.safetensors")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def known(installation: FaultyInstallation, ids: list[str]) -> dict[str, bool]:
    tables = ("documents_document", "training_trainingrun", "retrieval_knowledgebase")
    with installation.connect() as connection:
        found = {row[0] for table in tables for row in connection.execute(f"SELECT id FROM {table}")}
    return {id: id in found for id in ids}


def jobs_of_runs(installation: FaultyInstallation, runs: dict[str, str]) -> dict[str, str]:
    """The values of `runs` by the job of the run."""
    with installation.connect() as connection:
        rows = connection.execute("SELECT id, job_id FROM training_trainingrun").fetchall()
    return {job: runs[run] for run, job in rows if run in runs}


# -- from the files ---------------------------------------------------------------------------------
def leftovers(installation: FaultyInstallation, pending_parts: set[str]) -> list[str]:
    """Temporary files."""
    storage = installation.var / "storage"
    found = [path for path in storage.rglob("*") if _is_temporary(path) and path.name not in pending_parts]
    found += list((installation.var / "uploads").glob("*"))
    found += [path for path in installation.temporary.rglob("*") if not path.is_dir()]
    return sorted(str(path.relative_to(installation.folder)) for path in found)


def pending_parts(installation: FaultyInstallation) -> set[str]:
    """Parts of uploads that no client has completed. They are acknowledged, and kept for an hour."""
    query = (
        "SELECT part.id FROM documents_uploadpart part JOIN documents_upload upload ON upload.id = part.upload_id "
        "WHERE upload.state = 'pending'"
    )
    with installation.connect() as connection:
        return {row[0] for row in connection.execute(query)}


def _is_temporary(path: Path) -> bool:
    if path.suffix in (".tmp", ".partial"):
        return True
    if path.name.startswith("owner."):
        return True
    return path.is_file() and bool({"incoming", "parts"} & {parent.name for parent in path.parents})


def exposed_secrets(installation: FaultyInstallation, jobs: list[ObservedJob]) -> list[str]:
    """Logs and job errors that contain a password or key of this installation."""
    files = [
        *installation.var.glob("*/*password*"),
        *installation.var.glob("*secret*"),
        *installation.var.glob("*token*"),
    ]
    secrets = {path.read_text().strip() for path in files if path.is_file()} - {""}
    texts = {
        str(path.name): path.read_text(errors="replace") for path in (installation.var / "logs").glob("*")
    }
    texts |= {job.id: job.error_message for job in jobs}
    texts["up.log"] = installation.output()
    for log in installation.runs.glob("*/*/*.log"):
        texts[str(log.relative_to(installation.runs))] = log.read_text(errors="replace")
    return sorted(name for name, text in texts.items() if any(secret in text for secret in secrets))


def summary(jobs: list[ObservedJob]) -> dict[str, Counter[str]]:
    """Ends by kind of job."""
    found: dict[str, Counter[str]] = {}
    for job in jobs:
        found.setdefault(job.kind, Counter())[job.state] += 1
    return found


def dump(observations: Observations, path: Path) -> None:
    path.write_text(
        json.dumps(observations, default=lambda value: getattr(value, "__dict__", str(value)), indent=1)
    )
