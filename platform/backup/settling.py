"""What an installation has to learn after its database came from elsewhere.

Engines, their process numbers, signs of life and sessions of browsers belong to the old machine; base models may lie
in another place, or not be here at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction

from audit.services import Actor, audit_record
from backup import sealed
from backup.sealed import Seal
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
class Settled:
    jobs_continued: int = 0
    models_missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def settle(env: Environment, seal: Seal) -> Settled:
    """Bring the loaded database forward to this version and to this place."""
    call_command("migrate", interactive=False, verbosity=0)
    settled = Settled()
    with every_organization("a restored installation is settled as a whole"), transaction.atomic():
        _models(env, seal, settled)
        _jobs(settled)
        cluster_measure()
        # Who signed out, or was shut out, after the backup must not be signed in again by it.
        Session.objects.all().delete()
        SignOfLife.objects.all().delete()
        audit_record(
            organization_id=None,
            actor=OPERATOR,
            action="installation.restored",
            target_type="installation",
            target_id=seal.id,
            data={"backup": seal.id, "made_at": seal.created_at, "kosha": seal.kosha},
        )
    return settled


def _jobs(settled: Settled) -> None:
    """Their engines ended with the old machine, by nobody's wish: reconcile continues them from there.

    A run that is to be paused or cancelled is found stopped, and so paused or cancelled.
    """
    for job in Job.objects.filter(state__in=ACTIVE).iterator(500):
        RunFolder(job.run_dir).declare_stopped()
        settled.jobs_continued += 1


def _models(env: Environment, seal: Seal, settled: Settled) -> None:
    brought = {model.name for model in seal.models if model.included}
    for model in BaseModel.objects.order_by("name"):
        if model.name in brought:
            _move(model, env.var / sealed.MODELS / model.name)
        elif not Path(model.path).is_dir():
            settled.models_missing.append(model.name)
            settled.warnings.append(
                f"The base model {model.name} is not at {model.path}. Put its folder there before `up`."
            )
        elif not _is_here(model):
            settled.models_missing.append(model.name)
            settled.warnings.append(
                f"The folder {model.path} is not the base model {model.name} any more, or cannot be read."
            )


def _is_here(model: BaseModel) -> bool:
    try:
        return model_folder_digest(Path(model.path)) == model.digest
    except OSError:
        return False


def _move(model: BaseModel, folder: Path) -> None:
    before = model.path
    if before == str(folder):
        return
    model.path = str(folder)
    model.save(update_fields=["path"])
    # What waits was told the old place.
    for job in Job.objects.exclude(state__in=TERMINAL).iterator(500):
        spec = {name: str(folder) if value == before else value for name, value in job.spec.items()}
        if spec != job.spec:
            Job.objects.filter(pk=job.pk).update(spec=spec)
