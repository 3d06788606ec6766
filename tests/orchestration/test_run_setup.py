"""What an engine is started with: the key of pseudonyms is its organization's and reaches curation alone."""

from __future__ import annotations

from jobs.models import Cluster, Job
from workers.contract.personal_data import PSEUDONYM_KEY_VARIABLE
from workers.orchestration.run_setup import engine_of


def key_of(kind: str, job: str, organization: str) -> str | None:
    row = Job(id=job, kind=kind, organization_id=organization, cluster=Cluster(cpus=2, memory_bytes=1))
    row.cpus, row.processes, row.memory_bytes, row.fence = 1, 1, 1, 1
    return engine_of(row).environment.get(PSEUDONYM_KEY_VARIABLE)


def test_the_key_of_pseudonyms_is_one_for_each_organization():
    first = key_of("curation", "job_1", "org_1")
    assert first and first == key_of("curation", "job_2", "org_1") != key_of("curation", "job_3", "org_2")
    assert key_of("ingest", "job_4", "org_1") is None
