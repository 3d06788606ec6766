"""What an older release stored is carried over: batches of documents, and the order of a deployment's changes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from common.tenancy import every_organization
from deployments.models import DeploymentChange
from deployments.services import release_publish
from retrieval.models import DocumentBatch

pytestmark = pytest.mark.slow

BEFORE = [("retrieval", "0001_initial"), ("deployments", "0001_initial")]


def migrate(targets: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(targets)


def test_batches_and_numbers_are_carried_over(live_world):
    world = live_world
    base = world.knowledge_base([world.document("1.txt", "甲"), world.document("2.txt", "乙")])
    for _ in range(3):
        release = world.release(approved=True)
        release_publish(release_id=release.id, alias="production", actor=world.actor)
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    migrate(BEFORE)
    try:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE retrieval_knowledgebasedocument SET batch_id = 'vsfb_old'")
    finally:
        migrate(latest)
    with every_organization("what the migration made"):
        batch = DocumentBatch.objects.get()
        changes = DeploymentChange.objects.order_by("id")
        assert (batch.id, batch.knowledge_base_id, batch.documents.count()) == ("vsfb_old", base.id, 2)
        assert [change.number for change in changes] == [1, 2, 3]
