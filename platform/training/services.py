"""Writes: starting and controlling training runs; what follows when one has ended."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Organization
from audit.services import Actor, audit_record
from common.digests import value_digest
from common.errors import Conflict, InvalidRequest
from common.places import spec_digest
from common.tenancy import current_organization_id
from curation.models import DatasetVersion
from curation.selectors import records_path, require_ready
from documents.models import Document, Purpose, Revision
from documents.selectors import pages_folder, require_processed
from jobs.models import Job
from jobs.produced import ProducedState
from jobs.services import job_cancel, job_pause, job_resume, job_submit
from jobs.types import Placement
from registry.selectors import model_folder, model_named
from registry.services import model_version_create
from training.methods import METHODS, learns_from
from training.models import Checkpoint, TrainingRun
from training.selectors import run_get, run_list, training_records
from workers.contract.records import RECORDS_FILE
from workers.contract.specs.events import CheckpointSaved
from workers.contract.specs.training import (
    Checkpointing,
    Distributed,
    Hyperparameters,
    TrainingSpec,
)

DEFAULT_SUFFIX = "custom"
Control = Literal["pause", "resume", "cancel"]


@transaction.atomic
def training_run_create(
    *,
    model: str,
    method: str,
    data: DatasetVersion | Document,
    hyperparameters: Hyperparameters,
    actor: Actor,
    suffix: str = "",
    metadata: dict[str, str] | None = None,
    checkpointing: Checkpointing | None = None,
    distributed: Distributed | None = None,
    known: DatasetVersion | None = None,
    placement: Placement = Placement(),
    idempotency_key: str | None = None,
) -> TrainingRun:
    """Queue a run that customizes `model`: a base model's name, or a version's to continue from.

    `known` is what that version was trained on: only a share of its records is repeated. Raises InvalidRequest
    `unknown_model`, `invalid_suffix`, `empty_dataset`; Conflict if model, data or idempotency key cannot be used.
    """
    base_model, parent = model_named(model, param="model")
    if parent is not None and parent.method != "lora":
        raise Conflict("cannot_continue", _("Only a LoRA version can be continued."), param="model")
    if not re.fullmatch(r"[a-z0-9-]{0,40}", suffix):
        raise InvalidRequest("invalid_suffix", _("Use up to 40 small letters, digits and -."), param="suffix")
    dataset_version, revision, records = _training_data(data, method)
    run = TrainingRun(
        organization_id=current_organization_id(),
        base_model=base_model,
        parent=parent,
        method=method,
        dataset_version=dataset_version,
        training_revision=revision,
        hyperparameters=hyperparameters.model_dump(mode="json"),
        suffix=suffix or (parent.suffix if parent else DEFAULT_SUFFIX),
        metadata=metadata or {},
    )
    spec = _spec(run, records, known, hyperparameters, checkpointing, distributed)
    run.job = job_submit(
        spec=spec,
        actor=actor,
        placement=placement,
        idempotency_key=idempotency_key,
        request_digest=value_digest([spec_digest(spec), model, run.suffix, run.metadata]),
    )
    # The job of a repeated request has its run already.
    if not TrainingRun.objects.filter(job=run.job).exists():
        run.save(force_insert=True)
        _audit(run, actor)
    return run_list().get(job=run.job)


def _training_data(
    data: DatasetVersion | Document, method: str
) -> tuple[DatasetVersion | None, Revision | None, Path]:
    """The dataset version or the uploaded file, and the path of its records.

    Data without records for the method are refused here; the engine refuses what only it can detect.
    """
    version, revision = None, None
    if isinstance(data, DatasetVersion):
        version = require_ready(data, param="training_file")
        records = records_path(version)
        counts = training_records(version)
        usable = sum(counts[kind] for kind in learns_from(method))
    elif data.purpose == Purpose.FINE_TUNE:
        revision = require_processed(data, param="training_file")
        if revision.records is None:
            raise InvalidRequest(
                "not_jsonl",
                _(
                    "The file holds no training data. Upload JSONL: in each line one JSON object, for example with the "
                    'single key "messages".'
                ),
                param="training_file",
            )
        records = pages_folder(revision) / RECORDS_FILE
        usable = revision.records or 0
    else:
        raise InvalidRequest(
            "wrong_purpose",
            _("Upload training conversations with purpose fine-tune, or name a dataset version (dsv_...)."),
            param="training_file",
        )
    if usable == 0:
        raise InvalidRequest(
            "empty_dataset",
            _(
                "The data hold nothing this method can learn from. Add documents, or look at what was dropped."
            ),
            param="training_file",
        )
    return version, revision, records


def _spec(
    run: TrainingRun,
    records: Path,
    known: DatasetVersion | None,
    hyperparameters: Hyperparameters,
    checkpointing: Checkpointing | None,
    distributed: Distributed | None,
) -> TrainingSpec:
    parent = run.parent
    return TrainingSpec(
        base_model=Path(run.base_model.path),
        base_model_digest=run.base_model.digest,
        record_files=(records,),
        objectives=METHODS[run.method],
        parent_adapter=model_folder(parent) if parent else None,
        parent_manifest_sha256=parent.manifest_sha256 if parent else None,
        known_record_files=(records_path(known),) if known and parent else (),
        hyperparameters=hyperparameters,
        checkpoint=checkpointing or Checkpointing(),
        distributed=distributed or Distributed(),
    )


def _audit(run: TrainingRun, actor: Actor) -> None:
    audit_record(
        organization_id=run.organization_id,
        actor=actor,
        action="training_run.created",
        target_type="training_run",
        target_id=run.id,
        data={
            "base_model": run.base_model.name,
            "parent": run.parent_id,
            "dataset_version": run.dataset_version_id,
            "revision": run.training_revision_id,
        },
    )


def training_run_control(*, run: TrainingRun, action: Control, actor: Actor) -> TrainingRun:
    """Pause the run after its next checkpoint, resume it or cancel it.

    Raises Conflict if its job is not in a state for that.
    """
    change = {"pause": job_pause, "resume": job_resume, "cancel": job_cancel}[action]
    change(job=run.job, actor=actor)
    return run_get(run.id)


def checkpoint_record(*, job: Job, event: CheckpointSaved) -> None:
    """Record a finished checkpoint. Where two attempts reached a step, the newest one's replaces the other."""
    run = TrainingRun.objects.filter(job=job).first()
    if run is not None:
        Checkpoint.objects.update_or_create(
            run=run,
            step=event.step,
            defaults={
                "organization_id": run.organization_id,
                "path": str(job.run_dir / event.path),
                "manifest_sha256": event.manifest_sha256,
                "metrics": event.values,
            },
        )


def checkpoints_record(*, job: Job, events: Iterable[CheckpointSaved]) -> None:
    for event in events:
        checkpoint_record(job=job, event=event)


def training_ended(run: TrainingRun) -> None:
    """Register the version that a finished run made."""
    if run.state != ProducedState.READY:
        return
    job = run.job
    run.model_version = model_version_create(
        id=run.future_version_id,
        base_model=run.base_model,
        suffix=run.suffix,
        method=TrainingSpec.model_validate(job.spec).method,
        parent=run.parent,
        training_run_id=run.id,
        dataset_version_id=run.dataset_version_id or "",
        manifest_sha256=run.manifest_sha256,
        facts=run.result,
        organization=Organization.objects.get(pk=run.organization_id),
        actor=Actor(job.actor_kind, job.actor_id, job.actor_label),
    )
    run.save(update_fields=["model_version"])
