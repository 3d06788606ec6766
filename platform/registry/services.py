"""Writes: registering base models, model versions and their exports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organization
from audit.services import Actor, audit_record
from common.errors import Conflict, InvalidRequest
from jobs.services import job_submit
from jobs.types import Placement
from registry.models import BaseModel, ModelExport, ModelVersion
from registry.names import is_taken
from registry.selectors import weights_of
from workers.contract.model_folder import UnsafeModelFolder, inspect_model_folder
from workers.contract.prompts import STOP_STRINGS
from workers.contract.specs.export import ExportFacts, ExportFormat, ExportSpec


def base_model_register(
    *,
    name: str,
    path: str,
    kind: str,
    licence: str,
    open_to_all: bool,
    actor: Actor,
    stop_strings: Sequence[str] = (),
) -> BaseModel:
    """Check a model folder and register it for the installation.

    Reads every byte for the digest. Registering the same content under the same name again changes
    its path and its stop strings at most. `stop_strings` come beside those of Kosha's own prompts. Raises InvalidRequest `base_model_unsafe`, `base_model_missing`, `base_model_damaged`,
    `base_model_unsupported`, `base_model_outside_roots`; Conflict `base_model_exists`.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,59}", name):
        raise InvalidRequest("invalid_name", _("Use small letters, digits, - and . only."), param="name")
    folder = _allowed_folder(path)
    stops = list(dict.fromkeys([*STOP_STRINGS, *filter(None, stop_strings)])) if kind == "causal_lm" else []
    try:
        facts = inspect_model_folder(folder, kind=kind)
    except UnsafeModelFolder as error:
        raise InvalidRequest(error.code, error.message, param="path") from error
    with transaction.atomic():
        known = BaseModel.objects.select_for_update(no_key=True).filter(name=name).first()
        if known is not None:
            if (known.digest, known.kind) != (facts.folder_digest, kind):
                raise Conflict(
                    "base_model_exists",
                    _("Another base model has this name. A base model never changes; choose a new name."),
                    param="name",
                )
            if known.path != str(folder):
                known.path = str(folder)
                known.save(update_fields=["path"])
                _audit(known, actor, "base_model.moved")
            if stop_strings and known.stop_strings != stops:
                known.stop_strings = stops
                known.save(update_fields=["stop_strings"])
                _audit(known, actor, "base_model.stop_strings_set")
            return known
        if is_taken(name):
            raise Conflict(
                "base_model_name_is_alias",
                _("A deployment answers under this name. Choose another."),
                param="name",
            )
        base_model = BaseModel.objects.create(
            name=name,
            kind=kind,
            path=str(folder),
            licence=licence,
            open_to_all=open_to_all,
            digest=facts.folder_digest,
            architecture=facts.architecture,
            parameters=facts.parameters,
            context_length=facts.context_length,
            vocabulary_size=facts.vocabulary_size,
            hidden_size=facts.hidden_size,
            layers=facts.layers,
            has_chat_template=facts.has_chat_template,
            stop_strings=stops,
        )
        _audit(base_model, actor, "base_model.registered")
    return base_model


def _audit(base_model: BaseModel, actor: Actor, action: str) -> None:
    audit_record(
        organization_id=None,
        actor=actor,
        action=action,
        target_type="base_model",
        target_id=base_model.id,
        data={"name": base_model.name, "digest": base_model.digest, "path": base_model.path},
    )


def _allowed_folder(path: str) -> Path:
    folder = Path(path).resolve()
    roots = [Path(root).resolve() for root in settings.KOSHA_MODEL_ROOTS]
    if not any(folder.is_relative_to(root) for root in roots):
        raise InvalidRequest(
            "base_model_outside_roots",
            _("The folder must lie under one of the model roots (KOSHA_MODEL_ROOTS): %(roots)s.")
            % {"roots": ", ".join(map(str, roots))},
            param="path",
        )
    return folder


@transaction.atomic
def model_version_create(
    *,
    id: str,
    base_model: BaseModel,
    suffix: str,
    method: str,
    parent: ModelVersion | None,
    training_run_id: str,
    dataset_version_id: str,
    manifest_sha256: str,
    facts: dict[str, Any],
    organization: Organization,
    actor: Actor,
) -> ModelVersion:
    """Register the next version, whose folder is stored already. A second call for the same run returns the first."""
    found = ModelVersion.objects.filter(training_run_id=training_run_id).first()
    if found is not None:
        return found
    # The organization's row is the lock under which versions are numbered.
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    rows = ModelVersion.objects.filter(base_model=base_model, suffix=suffix)
    version = ModelVersion.objects.create(
        id=id,
        name=f"ft:{base_model.name}:{organization.slug}:{suffix}:{id.removeprefix('model_')[-8:]}",
        base_model=base_model,
        suffix=suffix,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        method=method,
        parent=parent,
        training_run_id=training_run_id,
        dataset_version_id=dataset_version_id,
        manifest_sha256=manifest_sha256,
        facts=facts,
    )
    audit_record(
        organization_id=organization.id,
        actor=actor,
        action="model_version.created",
        target_type="model_version",
        target_id=version.id,
        data={"name": version.name, "training_run": training_run_id},
    )
    return version


@transaction.atomic
def model_version_delete(*, version: ModelVersion, actor: Actor) -> None:
    """Hide a version. Its files stay while releases or later versions were made from it."""
    version.deleted_at = timezone.now()
    version.save(update_fields=["deleted_at"])
    audit_record(
        organization_id=version.organization_id,
        actor=actor,
        action="model_version.deleted",
        target_type="model_version",
        target_id=version.id,
    )


@transaction.atomic
def export_create(
    *, version: ModelVersion, format: ExportFormat, actor: Actor, placement: Placement = Placement()
) -> ModelExport:
    base, adapter = weights_of(version.base_model, version)
    if adapter is None:
        raise Conflict("export_not_needed", _("This version is a whole model already; copy its folder."))
    spec = ExportSpec(
        base_model=base,
        adapter=adapter,
        adapter_manifest_sha256=version.manifest_sha256,
        format=format,
        facts=ExportFacts(
            model_name=version.name,
            base_model_name=version.base_model.name,
            base_model_licence=version.base_model.licence,
            base_model_digest=version.base_model.digest,
            trained_at=version.created_at.isoformat(),
        ),
    )
    export = ModelExport.objects.create(
        model_version=version, format=format, job=job_submit(spec=spec, actor=actor, placement=placement)
    )
    audit_record(
        organization_id=version.organization_id,
        actor=actor,
        action="model_version.export_requested",
        target_type="model_version",
        target_id=version.id,
        data={"export": export.id, "format": format},
    )
    return export
