"""Adapt a restored database to the machine that it is on now.

Engines, their process numbers, signs of life and browser sessions belong to the old machine. Base models may lie in another
place, or be missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction

from audit.services import Actor, audit_record
from backup.archive import MODELS, BackupInfo
from common.tenancy import every_organization
from config.env import Environment
from health.models import SignOfLife
from jobs.clusters import cluster_measure
from jobs.models import Job
from jobs.transitions import ACTIVE, TERMINAL
from registry.models import BaseModel
from workers.contract.model_folder import model_folder_digest
from workers.contract.run_folder import RunFolder

OPERATOR = Actor("user", "operator", "manage.py")


@dataclass
class Restored:
    """The summary for the operator."""

    backup: str
    created_at: str
    files: int
    bytes: int
    organizations: int
    jobs_continued: int = 0
    models_missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def adapt(env: Environment, info: BackupInfo, restored: Restored) -> None:
    """Migrate the loaded database to this version, and adapt its rows to this place."""
    call_command("migrate", interactive=False, verbosity=0)
    with every_organization("a restored installation is adapted as a whole"), transaction.atomic():
        _models(env, info, restored)
        # The runs of the old machine count as stopped by the platform: reconcile continues them from their checkpoints,
        # and pauses or cancels those that were to be paused or cancelled.
        for job in Job.objects.filter(state__in=ACTIVE).iterator(500):
            RunFolder(job.run_dir).declare_stopped()
            restored.jobs_continued += 1
        cluster_measure()
        # A session that was ended after the backup must not be valid again.
        Session.objects.all().delete()
        SignOfLife.objects.all().delete()
        audit_record(
            organization_id=None,
            actor=OPERATOR,
            action="installation.restored",
            target_type="installation",
            target_id=info.id,
            data={"backup": info.id, "made_at": info.created_at, "kosha": info.kosha},
        )


def _models(env: Environment, info: BackupInfo, restored: Restored) -> None:
    included = {model.name for model in info.models if model.included}
    for model in BaseModel.objects.order_by("name"):
        if model.name in included:
            _move(model, env.var / MODELS / model.name)
            continue
        try:
            is_right = model_folder_digest(Path(model.path)) == model.digest
        except OSError:
            is_right = False
        if not is_right:
            restored.models_missing.append(model.name)
            restored.warnings.append(
                f"The folder {model.path} is not the base model {model.name} any more, or cannot be read."
                if Path(model.path).is_dir()
                else f"The base model {model.name} is not at {model.path}. Put its folder there before `up`."
            )


def _move(model: BaseModel, folder: Path) -> None:
    before, after = model.path, str(folder)
    if before == after:
        return
    model.path = after
    model.save(update_fields=["path"])
    # The specs of waiting jobs name the old place.
    for job in Job.objects.exclude(state__in=TERMINAL).iterator(500):
        spec = {name: after if value == before else value for name, value in job.spec.items()}
        if spec != job.spec:
            Job.objects.filter(pk=job.pk).update(spec=spec)
