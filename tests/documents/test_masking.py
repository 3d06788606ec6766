"""A masked document stays masked by every way out of its knowledge base, until somebody who may publish decides."""

from __future__ import annotations

import html

import pytest

from accounts.permissions import ROLE_PERMISSIONS
from audit.models import AuditEvent
from chat.models import Message
from common.permissions import Permission
from documents.models import Document
from releases.labels import alias_label
from releases.services import release_publish
from retrieval.models import KnowledgeBase
from tests.in_process import api_of
from tests.model_server_double import hit
from tests.world import World
from workers.engines.shared.personal_data import find

VALUE = "090-1234-5678"
TEXT = f"夜間の当番の電話は{VALUE}である。"
HIDDEN = "夜間の当番の電話は〔電話番号〕である。"
QUESTION = "夜間の当番の電話は何番ですか"
DENIED = (403, "showing_denied", "personal_data")


@pytest.fixture
def document(world: World) -> Document:
    world.embedding_model()
    return world.document("当番.txt", TEXT)


def make_base(world: World, mode: str, *documents: Document) -> KnowledgeBase:
    """With its index."""
    base = world.knowledge_base(list(documents))
    assert set_mode(world, base, mode) == mode
    return base


def set_mode(world: World, base: KnowledgeBase, mode: str) -> str:
    answer = api_of(world.key()).post(f"vector_stores/{base.id}", {"personal_data": mode})
    return str(answer.ok["personal_data"])


def text_of(world: World, document: Document) -> str:
    return str(api_of(world.key()).get(f"files/{document.id}/pages").ok["data"][0]["text"])


def page(world: World, address: str, role: str = "owner") -> str:
    return html.unescape(world.browser(role).get(address).content.decode())


# -- it stays masked -----------------------------------------------------------------------------
@pytest.mark.parametrize("enters", ["when the base is made", "when it is added", "when the base is masked"])
@pytest.mark.parametrize(
    "leaves", ["removed", "base deleted", "removed in the console", "and is in a raw base"]
)
def test_no_way_out_of_a_masked_base_shows_a_document(
    world: World, document, enters: str, leaves: str
) -> None:
    api = api_of(world.key("editor"))
    files = [document.id]
    if enters == "when the base is made":
        store = api.post("vector_stores", {"file_ids": files, "personal_data": "masked"}).ok["id"]
    elif enters == "when it is added":
        store = api.post("vector_stores", {"personal_data": "masked"}).ok["id"]
        api.post(f"vector_stores/{store}/files", {"file_id": document.id})
    else:
        store = api.post("vector_stores", {"file_ids": files}).ok["id"]
        api.post(f"vector_stores/{store}", {"personal_data": "masked"})
    if leaves == "base deleted":
        api.delete(f"vector_stores/{store}")
    elif leaves == "removed in the console":
        world.browser("editor").post(f"/knowledge/{store}/remove/{document.id}")
    else:
        api.delete(f"vector_stores/{store}/files/{document.id}")
    if leaves == "and is in a raw base":
        api.post("vector_stores", {"file_ids": files, "personal_data": "raw"})
    assert text_of(world, document) == HIDDEN
    assert api.get(f"files/{document.id}/content").error[:2] == (403, "original_withheld")
    assert VALUE not in page(world, f"/documents/{document.id}")


def test_the_search_of_a_raw_base_masks_the_documents_that_are_masked_elsewhere(
    world: World, document, model_server
) -> None:
    plain = world.document("予備.txt", TEXT)
    raw = make_base(world, "raw", document, plain)
    make_base(world, "masked", document)
    model_server.hits = [hit(TEXT, spans=find(TEXT), document_id=one.id) for one in (document, plain)]
    search = f"vector_stores/{raw.id}/search"
    hits = api_of(world.key()).post(search, {"query": QUESTION}).ok["data"]
    assert model_server.bodies("/v1/search")[-1]["masked_document_ids"] == [document.id]
    shown = {one["file_id"]: (one["personal_data"], one["content"][0]["text"]) for one in hits}
    assert shown == {document.id: ("masked", HIDDEN), plain.id: ("raw", TEXT)}


def test_a_raw_passage_of_a_document_that_is_masked_elsewhere_is_refused(
    world: World, document, model_server, monkeypatch
) -> None:
    raw = make_base(world, "raw", document)
    make_base(world, "masked", document)
    model_server.hits = [hit(TEXT, spans=find(TEXT), document_id=document.id)]
    monkeypatch.setattr(
        "tests.model_server_double.leaving", lambda hit, mode: {**hit, "personal_data": "raw"}
    )
    answer = api_of(world.key()).post(f"vector_stores/{raw.id}/search", {"query": QUESTION})
    assert answer.error[:2] == (500, "model_server_failed") and VALUE not in answer.raw.text


@pytest.mark.django_db(transaction=True)
def test_an_earlier_answer_is_withheld_once_a_document_that_it_cites_is_masked(
    live_world: World, model_server
) -> None:
    document = live_world.document("当番.txt", TEXT)
    raw = make_base(live_world, "raw", document)
    release = live_world.release(None, raw.current_build, approved=True)
    release_publish(release_id=release.id, alias="production", actor=live_world.actor)
    model_server.hits = [hit(TEXT, spans=find(TEXT), document_id=document.id)]
    model_server.answer = [TEXT]
    answer = live_world.browser().post("/chat/ask", {"message": QUESTION, "target": "production"})
    assert VALUE in b"".join(answer).decode()
    address = Message.objects.get(role="assistant").conversation.get_absolute_url()
    assert VALUE in page(live_world, address)
    make_base(live_world, "masked", document)
    assert VALUE not in page(live_world, address)


# -- who decides that it is shown ----------------------------------------------------------------
@pytest.mark.parametrize("where", ["API", "console"])
@pytest.mark.parametrize(
    ("role", "may"), [("editor", False), ("reviewer", False), ("admin", True), ("owner", True)]
)
def test_only_those_who_may_publish_set_a_masked_base_to_raw(
    world: World, document, role: str, may: bool, where: str
) -> None:
    base = make_base(world, "masked", document)
    if where == "API":
        answer = api_of(world.key(role)).post(f"vector_stores/{base.id}", {"personal_data": "raw"})
        status = answer.status
        assert may or role == "reviewer" or answer.error == DENIED
    else:
        address = f"{base.get_absolute_url()}/personal-data"
        status = world.browser(role).post(address, {"personal_data": "raw"}).status_code
    assert (status < 400) == may and status in (200, 302, 403)
    assert text_of(world, document) == (TEXT if may else HIDDEN)
    events = AuditEvent.objects.filter(target_id=base.id, action="knowledge_base.updated").order_by("id")
    said = [(event.data["personal_data_before"], event.data["personal_data"]) for event in events]
    assert said == [("raw", "masked"), *([("masked", "raw")] if may else [])]


def test_the_console_asks_what_will_be_seen_by_whom_and_where_it_is_served(world: World, document) -> None:
    base = make_base(world, "masked", document)
    release = world.release(None, base.current_build, approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    asked = page(world, base.get_absolute_url(), "admin")
    assert "Every member with the right will see" in asked and 'name="personal_data" value="raw"' in asked
    assert f"Releases that answer from it are served as: {alias_label('production')}" in asked
    told = page(world, base.get_absolute_url(), "editor")
    assert 'value="raw"' not in told and "Only those who may publish releases decide" in told


def test_every_member_has_the_right_to_read_personal_data_as_the_forms_say() -> None:
    assert all(Permission.PERSONAL_DATA_READ in permissions for permissions in ROLE_PERMISSIONS.values())


def test_documents_of_another_masked_base_stay_masked_when_one_is_set_to_raw(world: World, document) -> None:
    first, second = make_base(world, "masked", document), make_base(world, "masked", document)
    set_mode(world, first, "raw")
    assert text_of(world, document) == HIDDEN
    set_mode(world, second, "raw")
    assert text_of(world, document) == TEXT


def test_a_document_that_was_taken_out_is_shown_by_a_decision_about_it(world: World, document) -> None:
    base, file = make_base(world, "masked", document), f"files/{document.id}"
    admin, editor = api_of(world.key("admin")), api_of(world.key("editor"))
    assert admin.post(file, {"personal_data": "raw"}).error == (
        409,
        "document_in_masked_knowledge_base",
        "personal_data",
    )
    editor.delete(f"vector_stores/{base.id}/files/{document.id}")
    assert editor.post(file, {"personal_data": "raw"}).error == DENIED
    assert 'data-dialog="show-document"' not in page(world, f"/documents/{document.id}", "editor")
    assert 'data-dialog="show-document"' in page(world, f"/documents/{document.id}", "admin")
    address = f"/documents/{document.id}/personal-data"
    assert world.browser("editor").post(address, {"personal_data": "raw"}).status_code == 403
    assert text_of(world, document) == HIDDEN
    assert world.browser("admin").post(address, {"personal_data": "raw"}).status_code == 302
    assert text_of(world, document) == TEXT
    assert editor.post(file, {"personal_data": "masked"}).ok["personal_data"] == "masked"
    events = AuditEvent.objects.filter(action="document.personal_data_set").order_by("id")
    said = [(event.data["personal_data_before"], event.data["personal_data"]) for event in events]
    assert said == [("masked", "raw"), ("raw", "masked")]


# -- what tells a right guess from a wrong one ----------------------------------------------------
@pytest.mark.parametrize("mode", ["raw", "masked"])
def test_hash_and_size_of_an_original_are_given_only_where_its_text_is_raw(
    world: World, document, mode: str
) -> None:
    base, revision = make_base(world, mode, document), document.current_revision
    api = api_of(world.key())
    for file in (api.get(f"files/{document.id}").ok, api.get("files").ok["data"][0]):
        given = (file["bytes"], file["revision"]["sha256"], file["personal_data"])
        assert given == ((revision.size, revision.sha256, "raw") if mode == "raw" else (None, None, "masked"))
    entries = [api.get(f"vector_stores/{base.id}/files").ok["data"][0]]
    entries.append(api.get(f"vector_stores/{base.id}/files/{document.id}").ok)
    assert [one["usage_bytes"] for one in entries] == [revision.size if mode == "raw" else None] * 2
    for address in ("/documents", f"/documents/{document.id}"):
        shown = page(world, address)
        assert (f"{revision.size} bytes" in shown) == (mode == "raw")
        assert revision.sha256[:12] not in shown or (mode == "raw" and address != "/documents")
