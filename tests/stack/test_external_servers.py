"""The same code against PostgreSQL and Valkey that were started apart from the supervisor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.end_to_end.client import follow, get, post, until
from tests.end_to_end.conftest import CAUSAL, EMBEDDING, company, models, organize, register
from tests.stack.installation import ONE_CORE, Installation

__all__ = ["company", "models"]

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]


@pytest.fixture
def installation(repository: Path, models: Path) -> Iterator[Installation]:
    """An installation on the test session's own servers, in a database no other test uses."""
    url = settings.DATABASES["default"]
    with tempfile.TemporaryDirectory(prefix="kosha-apart-", ignore_cleanup_errors=True) as name:
        installation = Installation(
            repository,
            Path(name) / "var",
            KOSHA_MODEL_ROOTS=str(models),
            DATABASE_URL=f"postgresql://{url['USER']}:{url['PASSWORD']}@{url['HOST']}:{url['PORT']}/kosha",
            REDIS_URL=settings.REDIS_URL,
            **ONE_CORE,
        )
        try:
            installation.up()
            yield installation
            installation.stop()
            assert installation.processes() == []
        finally:
            installation.end()


def test_a_document_becomes_a_dataset_and_can_be_searched(installation, models, company, tmp_path):
    assert {"postgres", "valkey"}.isdisjoint(installation.state["services"])
    register(installation, models / CAUSAL, models / EMBEDDING)
    owner = organize(installation, "apart").owner
    facts = [company.fact() for _ in range(4)]
    file = owner.files.create(file=company.guide(tmp_path, facts), purpose="user_data")
    owner.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=180)

    dataset = post(owner, "/datasets", {"name": "documents"})
    version = post(owner, f"/datasets/{dataset['id']}/versions")
    follow(owner, version["job"])
    path = f"/datasets/{dataset['id']}/versions/{version['id']}"
    assert get(owner, path)["counts"]["records"] > 0

    store = owner.vector_stores.create(name="search", file_ids=[file.id])
    until(lambda: owner.vector_stores.retrieve(store.id), lambda store: store.status == "completed")
    hits = owner.vector_stores.search(store.id, query=facts[2].question, max_num_results=2).data
    assert any(hit.file_id == file.id and facts[2].sentence in hit.content[0].text for hit in hits)
