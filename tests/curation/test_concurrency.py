"""A pair is made from a document while somebody deletes it, on connections of their own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from common.tenancy import organization_scope
from curation import pairs
from curation.models import Pair
from documents.services import document_delete
from tests.curation.test_pairs import TEXT, generate

pytestmark = pytest.mark.slow


def test_a_deletion_waits_for_a_pair_that_is_being_made_and_erases_it(live_world, monkeypatch):
    world = live_world
    document = world.document("規程.txt", TEXT)
    checked, deleted = threading.Event(), threading.Event()
    check = pairs.text_check

    def slow_check(text, *, param):
        checked.set()
        # The deletion would be done by now if the locked document did not hold it back.
        assert not deleted.wait(0.3)
        return check(text, param=param)

    monkeypatch.setattr(pairs, "text_check", slow_check)

    def in_scope(work) -> None:
        try:
            with organization_scope(world.organization.id):
                work()
        finally:
            connection.close()

    def delete() -> None:
        assert checked.wait(10)
        document_delete(document_id=document.id, actor=world.actor)
        deleted.set()

    with ThreadPoolExecutor(2) as pool:
        for done in [
            pool.submit(in_scope, lambda: generate(world, document)),
            pool.submit(in_scope, delete),
        ]:
            done.result(30)
    assert deleted.is_set()
    assert not Pair.objects.exists()
