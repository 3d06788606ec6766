"""Reads of jobs leave out their specs, which may name a million documents."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def paths(world) -> list[str]:
    document = world.document()
    base = world.knowledge_base([document])
    version = world.model_version()
    run = world.evaluation(version)
    dataset = run.dataset_version.dataset
    job = base.builds.get().job_id
    return [
        "jobs",
        f"jobs/{job}",
        f"jobs/{job}/events",
        "files",
        f"files/{document.id}",
        "fine_tuning/jobs",
        f"fine_tuning/jobs/{version.training_run_id}",
        f"evals/{run.suite_id}/runs",
        f"datasets/{dataset.id}/versions",
        f"datasets/{dataset.id}/versions/{run.dataset_version_id}",
    ]


def test_no_list_or_detail_reads_a_spec(api, paths):
    for path in paths:
        with CaptureQueriesContext(connection) as asked:
            assert api.get(path).ok
        assert [query for query in asked.captured_queries if '"jobs_job"."spec"' in query["sql"]] == [], path
