"""An organization with real files in its storage, as engines write them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.services import SYSTEM, chains_verify
from backup import copying
from common.storage import artifact_path, blob_path
from common.tenancy import every_organization, organization_scope
from documents.models import Document, Revision
from documents.services import document_delete, document_upload
from jobs.models import Job
from jobs.types import job_types
from registry.models import BaseModel, ModelVersion
from tests.world import World, begin
from workers.contract.artifacts import write_manifest
from workers.contract.model_folder import model_folder_digest


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


# -- what a test reads and changes in it -----------------------------------------------------------
def files_below(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def revision_of(name: str) -> Revision:
    with every_organization("test"):
        return Revision.objects.get(document__name=name)


def blob_of(name: str) -> Path:
    revision = revision_of(name)
    return blob_path(revision.organization_id, revision.sha256)


def running_job() -> Job:
    with every_organization("test"):
        return Job.objects.get(kind="training", state="running")


def register(folder: Path, **files: bytes) -> Path:
    """Make `folder` the base model `gemma`."""
    folder.mkdir(parents=True)
    for file, content in {"config.json": b"{}", "a.safetensors": b"a", **files}.items():
        (folder / file).write_bytes(content)
    BaseModel.objects.filter(name="gemma").update(path=str(folder), digest=model_folder_digest(folder))
    return folder


def make_unreadable(monkeypatch: pytest.MonkeyPatch, is_broken: Callable[[Path], bool], how: int = 0) -> None:
    """These files and folders cannot be read: opening fails with the errno `how`; where it is 0, reading fails."""
    listed = Path.iterdir

    def opened(path: Any, *arguments: Any) -> Any:
        if not is_broken(Path(path)):
            return open(path, *arguments)
        if how:
            raise OSError(how, os.strerror(how), str(path))
        return open("/proc/self/mem", *arguments)  # as a bad sector: it opens, and reading fails with EIO

    def iterdir(path: Path) -> Any:
        if is_broken(path):
            raise OSError(how, os.strerror(how), str(path))
        return listed(path)

    monkeypatch.setattr(copying, "open", opened, raising=False)
    monkeypatch.setattr(Path, "iterdir", iterdir)


def upload(name: str, size: int) -> None:
    with every_organization("test"):
        organization_id = Document.objects.first().organization_id
    with organization_scope(organization_id):
        document_upload(name=name, purpose="user_data", chunks=[b"x" * size], media_type="", actor=SYSTEM)


def delete(document_name: str) -> None:
    revision = revision_of(document_name)
    with organization_scope(revision.organization_id):
        document_delete(document_id=revision.document_id, actor=SYSTEM)
