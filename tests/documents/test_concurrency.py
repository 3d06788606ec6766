"""Uploads and deletions at the same moment, on connections of their own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from common.errors import Conflict
from common.storage import blob_path
from common.tenancy import organization_scope
from documents import services, uploads
from documents.models import Document, Revision
from documents.services import document_delete
from tests.in_process import api_of

pytestmark = pytest.mark.slow


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


def test_an_upload_completed_by_many_at_once_is_one_document(live_world, storage):
    """Its parts go while others still join them: they are answered the document, too."""
    world = live_world
    upload = uploads.upload_create(
        name="分割.txt", purpose="user_data", size=6, media_type="text/plain", actor=world.actor
    )
    parts = [
        uploads.upload_part_add(upload_id=upload.id, chunks=[piece], actor=world.actor).id
        for piece in (b"abc", b"def")
    ]
    complete = in_scope(
        world,
        lambda _number: uploads.upload_complete(upload_id=upload.id, part_ids=parts, actor=world.actor),
    )
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(complete, range(12)))
    assert len({one.document_id for one in done}) == 1
    revision = Revision.objects.get()
    assert blob_path(world.organization.id, revision.sha256).read_bytes() == b"abcdef"
    assert [path for path in storage.rglob("*") if path.is_file() and "blobs" not in path.parts] == []


def test_an_upload_cancelled_while_its_parts_are_joined_becomes_no_document(live_world, monkeypatch):
    world = live_world
    upload = uploads.upload_create(
        name="分割.txt", purpose="user_data", size=3, media_type="text/plain", actor=world.actor
    )
    part = uploads.upload_part_add(upload_id=upload.id, chunks=[b"abc"], actor=world.actor)
    joined = uploads.receive_file

    def cancelled_meanwhile(chunks):
        incoming = joined(chunks)
        in_scope(world, lambda: uploads.upload_cancel(upload_id=upload.id, actor=world.actor))()
        return incoming

    monkeypatch.setattr(uploads, "receive_file", cancelled_meanwhile)
    with pytest.raises(Conflict, match="upload_not_pending"):
        uploads.upload_complete(upload_id=upload.id, part_ids=[part.id], actor=world.actor)
    assert not Document.objects.exists()


def test_no_connection_is_held_while_bytes_arrive(live_world):
    """A pool of ten would be empty after ten uploads from slow disks."""
    world = live_world
    held = []

    def chunks():
        held.append(connection.connection is not None)
        yield b"abc"

    services.document_upload(
        name="規程.txt", purpose="user_data", chunks=chunks(), media_type="text/plain", actor=world.actor
    )
    upload = uploads.upload_create(
        name="分割.txt", purpose="user_data", size=3, media_type="text/plain", actor=world.actor
    )
    uploads.upload_part_add(upload_id=upload.id, chunks=chunks(), actor=world.actor)
    assert held == [False, False]


def test_a_document_deleted_while_it_is_opened_is_absent(live_world, monkeypatch):
    """Between the look at its row and the one at its bytes; a page of its text likewise."""
    from documents import api

    world = live_world
    caller = api_of(world.key())
    look = api.document_get

    def deleted_after(id):
        found = look(id)
        in_scope(world, lambda: document_delete(document_id=id, actor=world.actor))()
        return found

    monkeypatch.setattr(api, "document_get", deleted_after)
    for path in ("content", "pages"):
        document = world.document(f"{path}.txt", path)
        answer = caller.get(f"files/{document.id}/{path}")
        assert answer.error == (404, "not_found", None), path
