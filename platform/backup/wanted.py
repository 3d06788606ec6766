"""Which files the rows of the database name: what a backup must hold to be whole.

Read it in one transaction with the dump. Whatever an app keeps in storage has its line here; a test
holds this list against what a working installation has on its disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.db.models import QuerySet

from backup.ledger import Wanted
from common.storage import artifact_path, blob_path, part_path, run_path, runs_root, storage_root
from curation.models import DatasetVersion
from curation.selectors import DATASETS
from documents.models import Revision, UploadPart, UploadState
from documents.selectors import PAGES
from evaluations.models import Evaluation
from evaluations.selectors import EVALUATIONS
from jobs.models import Job
from jobs.transitions import TERMINAL, JobState
from registry.models import ModelExport, ModelVersion
from registry.selectors import EXPORTS, MODELS
from retrieval.models import IndexBuild
from retrieval.selectors import INDEXES
from training.models import TrainingRun
from workers.contract.run_folder import RunFolder

BATCH = 2000


def wanted_by_rows() -> Iterator[Wanted]:
    """Everything, inside a scope that sees every organization."""
    yield from _originals()
    yield from _parts()
    live = Revision.objects.filter(document__deleted_at=None)
    for rows, kind in (
        (live, PAGES),
        (DatasetVersion.objects.all(), DATASETS),
        (IndexBuild.objects.all(), INDEXES),
        (Evaluation.objects.all(), EVALUATIONS),
        (ModelExport.objects.all(), EXPORTS),
    ):
        yield from _artefacts(rows, kind)
    yield from _model_versions()
    yield from _runs()


def _originals() -> Iterator[Wanted]:
    rows = Revision.objects.filter(document__deleted_at=None).order_by().distinct()
    for organization_id, sha256 in rows.values_list("organization_id", "sha256").iterator(BATCH):
        yield Wanted("file", _name(blob_path(organization_id, sha256)), sha256)


def _parts() -> Iterator[Wanted]:
    rows = UploadPart.objects.filter(upload__state=UploadState.PENDING)
    columns = rows.values_list("organization_id", "upload_id", "id", "sha256")
    for organization_id, upload_id, id, sha256 in columns.iterator(BATCH):
        yield Wanted("file", _name(part_path(organization_id, upload_id, id)), sha256)


def _artefacts(rows: QuerySet, kind: str) -> Iterator[Wanted]:
    """Folders that a job made: sealed ones, and those of a success that was not registered yet."""
    columns = rows.values_list(
        "organization_id", "id", "manifest_sha256", "job_id", "job__fence", "job__state", "job__finalized_at"
    )
    for organization_id, id, manifest, job_id, fence, state, finalized_at in columns.iterator(BATCH):
        folder = _name(artifact_path(organization_id, kind, id))
        if manifest:
            yield Wanted("folder", folder, manifest)
        elif _is_unregistered(state, finalized_at):
            yield Wanted("result", folder, fallback=_output(job_id, fence))


def _model_versions() -> Iterator[Wanted]:
    versions = ModelVersion.objects.values_list("organization_id", "id", "manifest_sha256")
    for organization_id, id, manifest in versions.iterator(BATCH):
        yield Wanted("folder", _name(artifact_path(organization_id, MODELS, id)), manifest)
    runs = TrainingRun.objects.filter(
        model_version=None, job__state=JobState.SUCCEEDED, job__finalized_at=None
    )
    for run in runs.select_related("job").iterator(BATCH):
        folder = artifact_path(run.organization_id, MODELS, run.future_version_id)
        yield Wanted("result", _name(folder), fallback=_output(run.job_id, run.job.fence))


def _runs() -> Iterator[Wanted]:
    for job_id, fence, state in Job.objects.values_list("id", "fence", "state").iterator(BATCH):
        yield Wanted("run", _name(runs_root() / job_id), attempts=fence, goes_on=state not in TERMINAL)


def _is_unregistered(state: str | None, finalized_at: datetime | None) -> bool:
    return state == JobState.SUCCEEDED and finalized_at is None


def _output(job_id: str, fence: int) -> str:
    return _name(RunFolder(run_path(job_id, fence)).output)


def _name(path: Path) -> str:
    return path.relative_to(storage_root()).as_posix()
