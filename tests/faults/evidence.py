"""What is left after a storm, read from the database and the files; `checks.py` judges it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.faults.base import Damaged
from tests.faults.installation import StormedInstallation

TERMINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Attempt:
    """One attempt of a job, told by its own events."""

    fence: int
    began: float | None = None
    ended: float | None = None
    resumed_from: int | None = None
    last_step: int | None = None
    checkpoints: tuple[int, ...] = ()
    losses: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFacts:
    id: str
    kind: str
    state: str
    finished: bool
    """Its end has been taken note of and its folders are cleaned."""
    error_code: str = ""
    error_message: str = ""
    attempts: tuple[Attempt, ...] = ()
    every: int = 0
    """Steps between two checkpoints."""


@dataclass(frozen=True)
class Version:
    id: str
    run: str
    base_model: str
    suffix: str
    number: int


@dataclass
class Evidence:
    jobs: list[JobFacts] = field(default_factory=list)
    recipes: dict[str, str] = field(default_factory=dict)
    """Recipe of a storm's training job, by job id."""
    references: dict[str, str] = field(default_factory=dict)
    """Job id of the uninterrupted run, by recipe."""
    adapters: dict[str, str] = field(default_factory=dict)
    """sha256 over the weights of the version a training job made."""
    versions: list[Version] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)
    """Whether the database still knows what was acknowledged, by id (files, runs, stores)."""
    uploads: dict[str, bool] = field(default_factory=dict)
    """Whether the API gives an acknowledged file back byte for byte."""
    together: list[str] = field(default_factory=list)
    """Jobs of which two attempts' engines were seen alive at the same moment."""
    damaged: list[Damaged] = field(default_factory=list)
    damage_used: list[str] = field(default_factory=list)
    awaited_parts: set[str] = field(default_factory=set)
    leftovers: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    shared_memory: list[str] = field(default_factory=list)
    secrets_told: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Answers 500 that do not name a damaged or missing artefact."""
    quiet_ends: list[str] = field(default_factory=list)
    """Streams that ended as if all were well, but without an end or an error."""
    backups: int = 0
    """How many were made while the storm went on."""
    unrestorable: list[str] = field(default_factory=list)
    never_done: list[str] = field(default_factory=list)
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


def read_jobs(installation: StormedInstallation) -> list[JobFacts]:
    with installation.connect() as connection:
        rows = connection.execute(JOBS).fetchall()
        events = connection.execute(EVENTS).fetchall()
    told: dict[str, dict[int, list[tuple[str, dict[str, Any]]]]] = {}
    for job, fence, type_, data in events:
        told.setdefault(job, {}).setdefault(fence, []).append((type_, data))
    return [
        JobFacts(
            *row[:6], tuple(_attempt(fence, of) for fence, of in sorted(told.get(row[0], {}).items())), row[6]
        )
        for row in rows
    ]


def _attempt(fence: int, events: list[tuple[str, dict[str, Any]]]) -> Attempt:
    times = [data["time"] for _, data in events if "time" in data]
    started = next((data for type_, data in events if type_ == "started"), {})
    losses = {data["step"]: data["values"]["loss"] for type_, data in events if type_ == "metrics"}
    return Attempt(
        fence=fence,
        began=started.get("time"),
        ended=max(times, default=None),
        resumed_from=started.get("resumed_from_step"),
        last_step=max(losses, default=None),
        checkpoints=tuple(data["step"] for type_, data in events if type_ == "checkpoint"),
        losses=losses,
    )


def read_versions(installation: StormedInstallation) -> tuple[list[Version], dict[str, str]]:
    """All versions, and the digest of the weights by the job that made them."""
    with installation.connect() as connection:
        rows = connection.execute(VERSIONS).fetchall()
    root = installation.var / "storage" / "organizations"
    versions = [Version(*row[:5]) for row in rows]
    return versions, {row[5]: _weights(root, row[0]) for row in rows}


def _weights(root: Path, version: str) -> str:
    whole = hashlib.sha256()
    for path in sorted(root.glob(f"*/models/{version}/*.safetensors")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def read_known(installation: StormedInstallation, ids: list[str]) -> dict[str, bool]:
    tables = ("documents_document", "training_trainingrun", "retrieval_knowledgebase")
    with installation.connect() as connection:
        found = {row[0] for table in tables for row in connection.execute(f"SELECT id FROM {table}")}
    return {id: id in found for id in ids}


def jobs_of_runs(installation: StormedInstallation, runs: dict[str, str]) -> dict[str, str]:
    """What `runs` says by run, by the run's job."""
    with installation.connect() as connection:
        rows = connection.execute("SELECT id, job_id FROM training_trainingrun").fetchall()
    return {job: runs[run] for run, job in rows if run in runs}


# -- from the files ---------------------------------------------------------------------------------
def read_leftovers(installation: StormedInstallation, awaited_parts: set[str]) -> list[str]:
    """Files that were only meant to be there for a moment."""
    storage = installation.var / "storage"
    found = [path for path in storage.rglob("*") if _is_temporary(path) and path.name not in awaited_parts]
    found += list((installation.var / "uploads").glob("*"))
    found += [path for path in installation.temporary.rglob("*") if not path.is_dir()]
    return sorted(str(path.relative_to(installation.folder)) for path in found)


def read_awaited_parts(installation: StormedInstallation) -> set[str]:
    """Of uploads that are not completed. They were acknowledged, and wait an hour for a client that the storm has kept from completing."""
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


def read_secrets_told(installation: StormedInstallation, jobs: list[JobFacts]) -> list[str]:
    """Where a password or key of this installation stands in a log or in a job's error."""
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


def summary(jobs: list[JobFacts]) -> dict[str, Counter[str]]:
    """Ends by kind of job."""
    found: dict[str, Counter[str]] = {}
    for job in jobs:
        found.setdefault(job.kind, Counter())[job.state] += 1
    return found


def dump(evidence: Evidence, path: Path) -> None:
    path.write_text(
        json.dumps(evidence, default=lambda value: getattr(value, "__dict__", str(value)), indent=1)
    )
