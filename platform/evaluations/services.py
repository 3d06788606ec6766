"""Writes: suites and evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from audit.services import SYSTEM, Actor, audit_record
from common.digests import value_digest
from common.errors import InvalidRequest
from common.locks import transaction_lock
from common.places import spec_digest
from common.tenancy import current_organization_id
from common.wire import invalid_field, validate
from curation.models import DatasetVersion
from curation.selectors import NOTHING_HELD_OUT, heldout_records, records_path, require_ready
from evaluations.models import Evaluation, Suite
from evaluations.selectors import equivalent_suites
from jobs.services import job_submit
from jobs.types import Placement
from registry.models import BaseModel, ModelVersion
from registry.selectors import model_folder
from workers.contract.specs.evaluation import DEFAULT_TASKS, Candidate, EvaluationSpec
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, Gate, GateRule
from workers.contract.specs.tasks.declaration import TASKS, TaskSettings, task_of_metric


@transaction.atomic
def suite_create(
    *,
    name: str,
    actor: Actor,
    tasks: list[dict[str, Any]] | None = None,
    gate_rules: list[dict[str, Any]] | None = None,
    metadata: dict[str, str] | None = None,
) -> Suite:
    """Without tasks or rules, the default ones are taken.

    Raises InvalidRequest `invalid_value`, `unknown_parameter`, `missing_parameter`.
    """
    suite = Suite.objects.create(
        name=name,
        tasks=TASKS.dump_python(_checked_tasks(tasks), mode="json"),
        gate=_checked_gate(gate_rules).model_dump(mode="json"),
        metadata=metadata or {},
    )
    audit_record(
        organization_id=suite.organization_id,
        actor=actor,
        action="suite.created",
        target_type="suite",
        target_id=suite.id,
        data={"name": name},
    )
    return suite


@transaction.atomic
def suite_default() -> Suite:
    """A suite with the default tasks and gate; the platform makes it when it is first needed, once."""
    transaction_lock(f"default suite {current_organization_id()}")
    return equivalent_suites(None).order_by("id").first() or suite_create(name="", actor=SYSTEM)


def _checked_tasks(tasks: list[dict[str, Any]] | None) -> tuple[TaskSettings, ...]:
    if not tasks:
        return DEFAULT_TASKS
    try:
        checked = TASKS.validate_python(tasks)
    except ValidationError as error:
        raise invalid_field(error, tasks, at="tasks.") from error
    if len({task.type for task in checked}) != len(checked):
        raise InvalidRequest("invalid_value", _("Each type of task may be given once."), param="tasks")
    return checked


def _checked_gate(rules: list[dict[str, Any]] | None) -> Gate:
    """A rule may name its metric alone where no other task has a metric of that name."""
    if not rules:
        return DEFAULT_GATE
    checked: list[GateRule] = []
    for position, rule in enumerate(rules):
        task = task_of_metric(str(rule.get("metric"))) or ""
        checked.append(validate(GateRule, {"task": task, **rule}, at=f"testing_criteria.{position}."))
    return Gate(rules=tuple(checked))


@transaction.atomic
def evaluation_create(
    *,
    suite: Suite,
    dataset_version: DatasetVersion,
    base_model: BaseModel,
    model_version: ModelVersion | None,
    actor: Actor,
    name: str = "",
    metadata: dict[str, str] | None = None,
    placement: Placement = Placement(),
    idempotency_key: str | None = None,
) -> Evaluation:
    """Queue a measurement on the version's held-out records.

    Raises Conflict `dataset_version_not_ready`; InvalidRequest `no_heldout_data`.
    """
    require_ready(dataset_version, param="data_source.dataset_version")
    if not heldout_records(dataset_version):
        raise InvalidRequest("no_heldout_data", str(NOTHING_HELD_OUT), param="data_source.dataset_version")
    spec = _spec(suite, dataset_version, base_model, model_version)
    job = job_submit(
        spec=spec,
        actor=actor,
        placement=placement,
        idempotency_key=idempotency_key,
        request_digest=value_digest([spec_digest(spec), suite.id, name, metadata or {}]),
    )
    known = Evaluation.objects.filter(job=job).first()
    if known is not None:
        return known
    evaluation = Evaluation.objects.create(
        suite=suite,
        job=job,
        base_model=base_model,
        model_version=model_version,
        dataset_version=dataset_version,
        name=name,
        metadata=metadata or {},
    )
    audit_record(
        organization_id=evaluation.organization_id,
        actor=actor,
        action="evaluation.created",
        target_type="evaluation",
        target_id=evaluation.id,
        data={"suite": suite.id, "model_version": model_version.id if model_version else None},
    )
    return evaluation


def _spec(
    suite: Suite, dataset_version: DatasetVersion, base_model: BaseModel, model_version: ModelVersion | None
) -> EvaluationSpec:
    candidates = [Candidate(name=BASE, model=Path(base_model.path))]
    if model_version is not None:
        folder, is_whole = model_folder(model_version), model_version.method == "full"
        candidates.append(
            Candidate(
                name=TUNED,
                model=folder if is_whole else Path(base_model.path),
                adapter=None if is_whole else folder,
                manifest_sha256=model_version.manifest_sha256,
            )
        )
    return EvaluationSpec(
        candidates=tuple(candidates),
        record_files=(records_path(dataset_version),),
        tasks=TASKS.validate_python(suite.tasks),
        gate=Gate.model_validate(suite.gate),
    )
