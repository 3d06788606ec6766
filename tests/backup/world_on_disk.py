"""A world whose artefacts are sealed as engines seal them, in a `var/` of its own."""

from __future__ import annotations

import os
from pathlib import Path

from django.db.models import Model

from audit.services import chains_verify
from common.storage import artifact_path
from common.tenancy import every_organization
from curation.models import DatasetVersion
from curation.selectors import DATASETS
from documents.models import Revision
from documents.selectors import PAGES
from evaluations.models import Evaluation
from evaluations.selectors import EVALUATIONS
from registry.models import ModelVersion
from registry.selectors import MODELS
from retrieval.models import IndexBuild
from retrieval.selectors import INDEXES
from tests.world import World, begin
from workers.contract.artifacts import write_manifest

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


def fill() -> None:
    """Documents, artefacts of every kind, and a run with checkpoints that is under way."""
    with World("old") as world:
        model = world.model_version()
        world.evaluation(model)
        world.release(model, approved=True)
        knowledge_base = world.knowledge_base([world.document("知識.txt", "第2条 予備部品は二個。")])
        assert knowledge_base.current_build is not None
        world.upload("待.txt", "第3条 まだ読まれていない。")
        run_dir = begin(world.training_run().job).run_dir
        for step in (2, 4):
            write_checkpoint(run_dir, step)
        (run_dir / "events.jsonl").write_text("")
        (run_dir / "owner").write_text(f'{{"pid": {os.getpid()}, "started": 1, "boot": "b"}}')
    seal_artefacts()
    chains_verify()
