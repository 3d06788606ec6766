"""Uploads and deletions at the same moment, on connections of their own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction

from common.storage import blob_path
from common.tenancy import organization_scope
from documents import services
from documents.models import Document, Revision
from documents.services import document_delete


def in_scope(world, work):
    def run(*arguments):
        try:
            with organization_scope(world.organization.id):
                return work(*arguments)
        finally:
            connection.close()

    return run


def test_one_name_uploaded_at_once_is_one_document_with_numbered_revisions(live_world):
    world = live_world
    upload = in_scope(world, lambda number: world.upload("規程.txt", f"第{number}条"))
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(upload, range(6)))
    assert len({document.id for document in made}) == 1
    numbers = Revision.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4, 5, 6]
    newest = Document.objects.select_related("current_revision").get()
    assert newest.current_revision.number == 6


def test_a_deletion_never_erases_what_an_upload_begins_to_refer_to(live_world, monkeypatch):
    """The deletion has found the bytes unused and is about to erase them; the upload must not lose them."""
    world = live_world
    old = world.upload("旧.txt", "同じ本文")
    erasing, uploaded = threading.Event(), threading.Event()
    erase = services.blob_delete

    def slow_erase(organization_id, sha256):
        erasing.set()
        # The upload, were it not held back by the lock, would be done by now.
        uploaded.wait(0.5)
        erase(organization_id, sha256)

    monkeypatch.setattr(services, "blob_delete", slow_erase)

    def upload():
        erasing.wait(10)
        document = world.upload("新.txt", "同じ本文")
        uploaded.set()
        return document

    with ThreadPoolExecutor(2) as pool:
        deleting = pool.submit(
            in_scope(world, lambda: document_delete(document_id=old.id, actor=world.actor))
        )
        new = pool.submit(in_scope(world, upload)).result(20)
        deleting.result(20)
    assert blob_path(world.organization.id, new.current_revision.sha256).exists()


def test_a_knowledge_base_takes_documents_from_many_at_once(live_world):
    """Two that add wait for each other and do not lock each other out."""
    from retrieval.models import KnowledgeBaseDocument
    from retrieval.services import documents_add

    world = live_world
    documents = [world.document(f"{number}.txt") for number in range(6)]
    base = world.knowledge_base([])
    add = in_scope(
        world, lambda document: documents_add(knowledge_base=base, documents=[document], actor=world.actor)
    )
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, documents))
    assert KnowledgeBaseDocument.objects.filter(knowledge_base=base).count() == 6
    with transaction.atomic():
        assert base.builds.filter(state="building").count() == 1
