"""The same code against PostgreSQL and Valkey that were started apart from the supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from demo.client import wait_until
from tests.end_to_end.conftest import company, models
from tests.installation import (
    CAUSAL,
    EMBEDDING,
    ONE_CORE,
    IsolatedInstallation,
    create_organization,
    register_models,
    running_installation,
    temporary_folder,
)

__all__ = ["company", "models"]

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]


@pytest.fixture
def installation(models: Path) -> Iterator[IsolatedInstallation]:
    """An installation on the test session's own servers, in a database no other test uses."""
    url = settings.DATABASES["default"]
    environment = {
        "KOSHA_MODEL_ROOTS": str(models),
        "DATABASE_URL": f"postgresql://{url['USER']}:{url['PASSWORD']}@{url['HOST']}:{url['PORT']}/kosha",
        "REDIS_URL": settings.REDIS_URL,
    }
    with (
        temporary_folder("external-servers") as folder,
        running_installation(folder / "var", **environment, **ONE_CORE) as installation,
    ):
        yield installation


def test_document_becomes_a_dataset_and_is_found_by_search(installation, models, company, tmp_path):
    assert {"postgres", "valkey"}.isdisjoint(installation.state["services"])
    register_models(installation, models / CAUSAL, models / EMBEDDING)
    owner = create_organization(installation, "apart").owner
    facts = [company.fact() for _ in range(4)]
    file = owner.openai.files.create(file=company.guide(tmp_path, facts), purpose="user_data")
    owner.openai.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=180)

    dataset = owner.api.post("/datasets", {"name": "documents"}).ok
    version = owner.api.post(f"/datasets/{dataset['id']}/versions").ok
    owner.api.wait_for_job(version["job"], seconds=300)
    path = f"/datasets/{dataset['id']}/versions/{version['id']}"
    assert owner.api.get(path).ok["counts"]["records"] > 0

    store = owner.openai.vector_stores.create(name="search", file_ids=[file.id])
    wait_until(
        lambda: owner.openai.vector_stores.retrieve(store.id), lambda store: store.status == "completed"
    )
    hits = owner.openai.vector_stores.search(store.id, query=facts[2].question, max_num_results=2).data
    assert any(hit.file_id == file.id and facts[2].sentence in hit.content[0].text for hit in hits)
