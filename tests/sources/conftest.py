"""A watched folder of the organization, and its syncs by the real engine in this process."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from documents.selectors import document_list
from jobs.services import job_failed, job_succeeded
from sources.applying import sources_advance
from sources.models import Source, Sync
from sources.places import FolderPlace
from sources.selectors import sync_list
from sources.services import source_create, sync_start
from tests.world import World, begin
from workers.contract.run_folder import RunFolder
from workers.contract.specs.run import RunConfig, RunError
from workers.contract.specs.sync import SyncSpec
from workers.engines.shared.runtime import Run, UserError
from workers.engines.sync.engine import sync as engine
from workers.orchestration.finalize import finalize_job

LONG_AGO = time.time() - 3600


class Share:
    """A folder `somu` that the operator has allowed, with a source of it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.source: Source = source_create(
            name="総務", place=FolderPlace(folder="somu"), secret="", interval_minutes=60, actor=world.actor
        )

    def write(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            os.utime(path, (LONG_AGO, LONG_AGO))

    def remove(self, *names: str) -> None:
        for name in names:
            (self.folder / name).unlink()

    def sync(self, *, removes_all: bool = False, advance: bool = True) -> Sync:
        """Run the sync that waits, or a new one, and everything that follows it."""
        waiting = sync_list(self.source).filter(state="building").first()
        sync = waiting or sync_start(source=self.source, actor=self.world.actor, removes_all=removes_all)
        run_engine(sync)
        if advance:
            sources_advance()
        self.source.refresh_from_db()
        return sync_list(self.source).get(pk=sync.id)

    def documents(self) -> dict[str, int]:
        """The number of the newest revision by name."""
        rows = document_list().filter(name__startswith="総務/")
        return {each.name.removeprefix("総務/"): each.current_revision.number for each in rows}


def run_engine(sync: Sync) -> None:
    job = begin(sync.job)
    config = RunConfig(
        job_id=job.id, kind=job.kind, fence=job.fence, attempt=1, run_dir=job.run_dir, spec=job.spec
    )
    run = Run(config)
    shutil.rmtree(RunFolder(job.run_dir).output)
    run.output_dir.mkdir()
    try:
        result = engine(run, SyncSpec.model_validate(job.spec))
    except UserError as error:
        job_failed(job=job, error=RunError(code=f"sync.{error.code}", message=error.message))
    else:
        job_succeeded(job=job, result=result.model_dump(mode="json"))
    finalize_job(job.id)


@pytest.fixture
def share(world, tmp_path, settings, monkeypatch) -> Share:
    monkeypatch.setattr("workers.engines.sync.folder.UNSETTLED_SECONDS", -1)
    folder = tmp_path / "share"
    folder.mkdir()
    settings.KOSHA_WATCHED_FOLDERS = {world.organization.slug: {"somu": folder}}
    return Share(world, folder)
