"""A world whose artefacts are sealed as engines seal them, in a `var/` of its own."""

from __future__ import annotations

from pathlib import Path

from django.db.models import Model

from common.storage import artifact_path
from common.tenancy import every_organization
from documents.models import Revision
from documents.selectors import PAGES
from evaluations.models import Evaluation
from evaluations.selectors import EVALUATIONS
from processing.models import DatasetVersion
from processing.selectors import DATASETS
from registry.models import ModelVersion
from registry.selectors import MODELS
from retrieval.models import IndexBuild
from retrieval.selectors import INDEXES
from workers.artifacts import write_manifest

SEALED: tuple[tuple[type[Model], str], ...] = (
    (Revision, PAGES),
    (DatasetVersion, DATASETS),
    (Evaluation, EVALUATIONS),
    (ModelVersion, MODELS),
    (IndexBuild, INDEXES),
)


def seal_artefacts() -> None:
    """Give every artefact folder a true manifest, and its row the manifest's digest."""
    with every_organization("test"):
        for model, kind in SEALED:
            for row in model.objects.exclude(manifest_sha256=""):
                folder = artifact_path(row.organization_id, kind, row.id)
                (folder / "manifest.json").unlink(missing_ok=True)
                digest = write_manifest(folder, kind)
                model.objects.filter(pk=row.pk).update(manifest_sha256=digest)


def write_checkpoint(run_dir: Path, step: int, content: str = "weights") -> Path:
    folder = run_dir / "checkpoints" / str(step)
    folder.mkdir(parents=True)
    (folder / "state.bin").write_text(content)
    write_manifest(folder, "checkpoint", step=step)
    return folder
