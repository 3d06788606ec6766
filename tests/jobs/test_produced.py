"""The row of whatever a job makes: every type's is completed by the one finalizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import override_settings

from common.storage import artifact_path
from curation.models import DatasetVersion
from curation.services import dataset_version_create
from documents.pictures import page_pictures
from evaluations.services import evaluation_create
from jobs.models import Job
from jobs.produced import Outcome, produced_finalize
from jobs.services import job_cancel
from jobs.transitions import JobState
from jobs.types import job_type, job_types
from registry.services import export_create
from retrieval.selectors import latest_build
from retrieval.services import knowledge_base_create
from sources.places import FolderPlace
from sources.selectors import sync_list
from sources.services import source_create
from tests.world import DIGEST, World, evaluate_result, fail, finish
from workers.contract.spec import Spec
from workers.contract.specs.export import ExportResult
from workers.contract.specs.ingest import IngestResult
from workers.contract.specs.page_pictures import PagePicturesResult
from workers.contract.specs.retrieval import RetrievalResult
from workers.contract.specs.sync import SyncResult
from workers.orchestration.finalize import finalize_job

KINDS = sorted(known.name for known in job_types())


def index_job(world: World) -> Job:
    world.embedding_model()
    base = knowledge_base_create(name="規程", documents=[world.document()], actor=world.actor)
    return latest_build(base).job


def evaluation_job(world: World) -> Job:
    version = world.model_version()
    return evaluation_create(
        suite=world.suite(),
        dataset_version=DatasetVersion.objects.get(pk=version.dataset_version_id),
        base_model=version.base_model,
        model_version=version,
        actor=world.actor,
    ).job


def curation_job(world: World) -> Job:
    world.document()
    return dataset_version_create(
        dataset=world.dataset(), documents=None, heldout_share=0.1, actor=world.actor
    ).job


def pictures_job(world: World) -> Job:
    document = world.document(media_type="application/pdf")
    return page_pictures(
        document=document,
        revision=document.current_revision,
        number=1,
        principal=world.principal(),
        actor=world.actor,
    ).job


def sync_job(world: World) -> Job:
    place = FolderPlace(folder="somu")
    with override_settings(KOSHA_WATCHED_FOLDERS={world.organization.slug: {"somu": Path("/somu")}}):
        source = source_create(name="総務", place=place, secret="", interval_minutes=60, actor=world.actor)
    return sync_list(source).get().job


QUEUED: dict[str, Callable[[World], Job]] = {
    "ingest": lambda world: world.upload().current_revision.job,
    "page_pictures": pictures_job,
    "curation": curation_job,
    "sync": sync_job,
    "training": lambda world: world.training_run().job,
    "evaluation": evaluation_job,
    "retrieval": index_job,
    "export": lambda world: (
        export_create(version=world.model_version(), format="adapter", actor=world.actor).job
    ),
}
RESULTS: dict[str, Spec] = {
    "page_pictures": PagePicturesResult(drawn=(1,), bytes=1, manifest_sha256=DIGEST),
    "evaluation": evaluate_result(passed=True),
    "retrieval": RetrievalResult(
        documents=1, chunks=1, reused_chunks=0, dimensions=4, manifest_sha256=DIGEST, bytes=1, seconds=1
    ),
    "sync": SyncResult(
        listed=0,
        known=0,
        fetched_bytes=0,
        new=0,
        changed=0,
        removed=0,
        unchanged=0,
        left=0,
        manifest_sha256=DIGEST,
    ),
    "export": ExportResult(format="adapter", files={"a": 1}, bytes=1, manifest_sha256=DIGEST),
}


def succeed(world: World, job: Job) -> None:
    if job.kind == "training":
        world.trained(job)
    elif job.kind == "curation":
        world.curated(job)
    elif job.kind == "ingest":
        world.read(row_of(job).document)
    else:
        folder = job_type(job.kind).sealed_folder(RESULTS[job.kind])
        finish(job, RESULTS[job.kind], {f"{folder}/pages.jsonl".lstrip("/"): "{}\n"})


def row_of(job: Job) -> Outcome:
    return job_type(job.kind).produces.objects.get(job=job)


def test_every_kind_is_tested_here():
    assert sorted(QUEUED) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_success_completes_the_row_once_and_adopts_the_folder(world, kind):
    job = QUEUED[kind](world)
    assert row_of(job).is_building
    succeed(world, job)
    row, known = row_of(job), job_type(kind)
    assert (row.state, row.error_code) == (known.produces.STATES[JobState.SUCCEEDED], "")
    result = IngestResult if kind == "ingest" else known.result
    assert result.model_validate(row.result).manifest_sha256 == row.manifest_sha256
    folder = artifact_path(row.organization_id, known.artifact, known.artifact_id(row))
    if known.keeps_whole_output:
        folder /= known.sealed_folder(known.result.model_validate(row.result))
    assert (folder / "manifest.json").is_file()
    before = known.produces.objects.filter(pk=row.pk).values().get()
    produced_finalize(Job.objects.get(pk=job.pk))
    assert known.produces.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_is_kept_with_the_row(world, kind):
    job = QUEUED[kind](world)
    fail(job, f"{kind}.system.out_of_memory", "It did not fit.")
    row = row_of(job)
    assert row.state == type(row).STATES[JobState.FAILED]
    assert (row.error_code, row.error_message) == (f"{kind}.system.out_of_memory", "It did not fit.")
    assert (row.result, row.manifest_sha256) == ({}, "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_job_leaves_a_cancelled_row(world, kind):
    job = QUEUED[kind](world)
    assert job_cancel(job=job, actor=world.actor).state == JobState.CANCELLED
    finalize_job(job.id)
    row = row_of(job)
    assert row.state == type(row).STATES[JobState.CANCELLED]
    # A document that was not read asks for another upload.
    assert row.error_code == ("ingest.user.cancelled" if kind == "ingest" else "")
