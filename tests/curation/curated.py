"""Dataset versions that the real curation engine has made, in this process."""

from __future__ import annotations

from curation.models import Dataset, DatasetVersion
from curation.services import dataset_version_create
from documents.models import Document
from jobs.models import Job
from jobs.services import job_succeeded
from tests.world import World, begin
from workers.contract.specs.curation import CurationSpec
from workers.contract.specs.run import RunConfig
from workers.engines.curation.engine import curate
from workers.engines.shared.runtime import Run
from workers.orchestration.finalize import finalize_job


def curated_version(world: World, dataset: Dataset, documents: list[Document]) -> DatasetVersion:
    version = dataset_version_create(
        dataset=dataset, documents=documents, heldout_share=0.1, actor=world.actor
    )
    job = begin(version.job)
    spec = CurationSpec.model_validate(job.spec)
    run = Run(
        RunConfig(job_id=job.id, kind="curation", fence=job.fence, attempt=1, run_dir=job.run_dir, spec={})
    )
    result = curate(run, spec)
    assert job_succeeded(job=Job.objects.get(pk=job.pk), result=result.model_dump(mode="json"))
    finalize_job(job.id)
    return DatasetVersion.objects.select_related("dataset", "job").get(pk=version.pk)
