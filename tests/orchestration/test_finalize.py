"""The folder that a run has made is checked before its row is completed; a lost one fails the job."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from common.storage import runs_root
from documents.models import Revision
from jobs.models import Job
from jobs.selectors import public_state
from jobs.services import job_succeeded
from tests.world import begin, ingest_result
from workers.contract.specs.ingest import IngestResult
from workers.orchestration.finalize import finalize_job


@pytest.fixture
def succeeded(world) -> Job:
    """An ingest that has succeeded and is not finalized yet."""
    document = world.upload("規程.txt", "本文", "user_data")
    job = begin(document.current_revision.job)
    result = IngestResult(
        media_type="text/plain", pages=1, characters=2, sha256="d" * 64, manifest_sha256="d" * 64
    )
    files = {"pages.jsonl": "{}\n"}
    assert job_succeeded(job=job, result=ingest_result(job, document.current_revision, result, files))
    return Job.objects.get(pk=job.pk)


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda output: (output / "pages.jsonl").unlink(),
        lambda output: (output / "pages.jsonl").write_text("{}"),
        lambda output: (output / "manifest.json").write_text("{}"),
    ],
)
def test_a_lost_result_fails_the_job_and_its_row(succeeded, damage):
    damage(Path(succeeded.run_dir) / "output" / Revision.objects.get(job=succeeded).id)
    finalize_job(succeeded.id)
    job = Job.objects.get(pk=succeeded.pk)
    assert (job.state, public_state(job), job.error_code) == ("failed", "failed", "ingest.system.result_lost")
    assert job.finalized_at is not None and job.finalize_failures == 0
    revision = Revision.objects.get(job=job)
    assert (revision.state, revision.error_code) == ("error", "ingest.system.result_lost")


def test_finalizing_waits_for_an_unreachable_disk(succeeded):
    away = runs_root().rename(runs_root().with_name("away"))
    finalize_job(succeeded.id)
    job = Job.objects.get(pk=succeeded.pk)
    assert (job.state, job.finalized_at, job.finalize_failures) == ("succeeded", None, 1)
    away.rename(runs_root())
    finalize_job(succeeded.id)
    assert Job.objects.get(pk=succeeded.pk).finalized_at is not None
    assert Revision.objects.get(job=job).state == "processed"
