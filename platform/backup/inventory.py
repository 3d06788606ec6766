"""Which files the rows of the database name: what a backup must hold to be whole.

Read it in one transaction with the dump. Folders that jobs make are found through the types of job; a test compares the
inventory with what a working installation has on its disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backup.catalog import Item
from common.storage import artifact_path, blob_path, part_path, run_path, runs_root, storage_root
from documents.models import UploadPart, UploadState
from documents.selectors import kept_originals
from jobs.models import Job
from jobs.transitions import TERMINAL, JobState
from jobs.types import JobType, job_types
from workers.contract.run_folder import RunFolder

BATCH = 2000


def inventory() -> Iterator[Item]:
    """Everything, inside a scope that sees every organization."""
    originals = kept_originals().order_by().distinct()
    for organization_id, sha256 in originals.values_list("organization_id", "sha256").iterator(BATCH):
        yield Item("file", _name(blob_path(organization_id, sha256)), sha256)
    parts = UploadPart.objects.filter(upload__state=UploadState.PENDING)
    for part in parts.values_list("organization_id", "upload_id", "id", "sha256").iterator(BATCH):
        *place, sha256 = part
        yield Item("file", _name(part_path(*place)), sha256)
    for known in job_types():
        yield from _artifacts(known)
    for job_id, fence, state in Job.objects.values_list("id", "fence", "state").iterator(BATCH):
        yield Item("run", _name(runs_root() / job_id), attempts=fence, continues=state not in TERMINAL)


def _artifacts(known: JobType) -> Iterator[Item]:
    """The folders that jobs of this type have made: registered ones, and those of a success that is not yet. None of what can
    be made anew."""
    if known.produces is None or known.is_derived:
        return
    rows = known.kept(known.produces.objects.select_related("job"))
    columns = ("organization_id", "manifest_sha256", "job", "job__fence", "job__state", "job__finalized_at")
    for row in rows.only(*columns).iterator(BATCH):
        folder = _name(artifact_path(row.organization_id, known.artifact, known.artifact_id(row)))
        if row.manifest_sha256:
            yield Item("folder", folder, row.manifest_sha256)
        elif row.job and row.job.state == JobState.SUCCEEDED and row.job.finalized_at is None:
            output = RunFolder(run_path(row.job_id, row.job.fence)).output
            yield Item("result", folder, fallback=_name(output / row.pk if known.finish else output))


def _name(path: Path) -> str:
    return path.relative_to(storage_root()).as_posix()
