"""An invented company with true files in its storage, as engines leave them."""

from __future__ import annotations

import os
from pathlib import Path

from audit.services import chains_verify
from common.storage import artifact_path
from common.tenancy import every_organization
from jobs.types import job_types
from registry.models import ModelVersion
from tests.world import World, begin
from workers.contract.artifacts import write_manifest


def write_manifests() -> None:
    """Give every folder that a job has made a true manifest, and its rows the manifest's digest."""
    with every_organization("test"):
        for known in job_types():
            rows = known.produces.objects.exclude(manifest_sha256="") if known.produces else ()
            for row in rows:
                id = known.artifact_id(row)
                folder = artifact_path(row.organization_id, known.artifact, id)
                (folder / "manifest.json").unlink(missing_ok=True)
                digest = write_manifest(folder, known.artifact)
                known.produces.objects.filter(pk=row.pk).update(manifest_sha256=digest)
                ModelVersion.objects.filter(pk=id).update(manifest_sha256=digest)


def write_checkpoint(run_dir: Path, step: int, content: str = "weights") -> Path:
    folder = run_dir / "checkpoints" / str(step)
    folder.mkdir(parents=True)
    (folder / "state.bin").write_text(content)
    write_manifest(folder, "checkpoint", step=step)
    return folder


def fill() -> None:
    """Documents, folders of every kind of job, and a run with checkpoints that is under way."""
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
    write_manifests()
    chains_verify()
