"""The document pages and the routes of files: what they show, what they refuse."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.deletion import on_document_deletion
from documents.models import Document
from documents.selectors import documents_by_id, pages_path
from documents.services import document_delete
from tests.world import World, fail
from workers.contract.blocks import Block, Box, Heading
from workers.contract.records import Page, RecognizedText

pytestmark = pytest.mark.slow

PAGES = [
    Page(kind="page", number=number, text=f"第{number}条 本文。", text_origin=RecognizedText(confidence=0.9))
    for number in range(1, 13)
]


@pytest.fixture
def document(world):
    """A document of twelve pages that were recognized in pictures."""
    document = world.document("規程.txt", pages=12)
    lines = "".join(page.model_dump_json() + "\n" for page in PAGES)
    pages_path(document.current_revision).write_text(lines, encoding="utf-8")
    return document


@pytest.fixture
def browser(world):
    return world.browser()


def body(response, status: int = 200) -> str:
    assert response.status_code == status
    return response.content.decode()


def test_the_last_read_text_is_shown_until_a_newer_one_is_read(world, browser, document):
    pages = f"/documents/{document.id}"
    newer = world.upload(document.name, "新しい本文")
    for notice in (
        "Until the new revision has been read, revision 1 is",
        "The new revision could not be read. Revision 1 is",
    ):
        assert "第3条 本文。" in body(browser.get(pages))
        assert "Recognized in a picture (OCR), confidence 90%" in body(browser.get(pages))
        assert notice in body(browser.get(pages))
        if newer.current_revision.state == "uploaded":
            fail(newer.current_revision.job, "ingest.user.damaged")
            newer.current_revision.refresh_from_db()
    last = world.upload(document.name, "最後の本文")
    world.read(last, "最後の本文")
    shown = body(browser.get(pages))
    assert "最後の本文" in shown and "第3条 本文。" not in shown and "is still shown here" not in shown


TYPES = {
    "text/markdown": "Markdown",
    "application/pdf": "PDF",
    "text/html": "HTML",
    "application/jsonl": "JSONL",
}


@pytest.mark.parametrize(("media_type", "name"), TYPES.items(), ids=TYPES)
def test_a_type_is_shown_by_its_name(world, browser, media_type, name):
    document = world.document("規程", media_type=media_type)
    assert f"<dd>{name}</dd>" in body(browser.get(f"/documents/{document.id}"))


# -- the console --------------------------------------------------------------------------------
def test_the_list_is_filtered_by_name_state_and_purpose(world, browser, document):
    unread = world.upload("未読.txt", "本文")
    talks = world.upload("会話.jsonl", "{}", purpose="fine-tune")

    def shown(**query: str) -> set[str]:
        response = browser.get("/documents", query)
        body(response)
        return {row.id for row in response.context["page"].items}

    assert shown() == {document.id, unread.id, talks.id}
    assert shown(q="規程") == {document.id}
    assert shown(state="uploaded") == {unread.id, talks.id}
    assert shown(purpose="fine-tune") == {talks.id}
    assert shown(state="nonsense", purpose="nonsense") == {document.id, unread.id, talks.id}


@pytest.mark.parametrize(
    ("sort", "names"),
    [("newest", "b c a"), ("oldest", "a c b"), ("name", "a b c"), ("nonsense", "b c a")],
)
def test_the_list_is_sorted(world, browser, sort, names):
    for name in ("a", "c", "b"):
        world.upload(name, name)
    response = browser.get("/documents", {"sort": sort})
    assert [row.name for row in response.context["page"].items] == names.split()


def test_a_document_shows_its_text_page_by_page(world, browser, document):
    first = browser.get(f"/documents/{document.id}")
    assert [page["number"] for page in first.context["pages"]] == list(range(1, 11))
    assert f'href="?page={first.context["next_page"]}#text"' in body(first)
    rest = browser.get(f"/documents/{document.id}", {"page": "11"})
    assert [page["number"] for page in rest.context["pages"]] == [11, 12]
    unreadable = browser.get(f"/documents/{document.id}", {"page": "x"})
    assert unreadable.context["pages"] == first.context["pages"]


def test_a_document_that_could_not_be_read_says_why(world, browser):
    document = world.upload("暗号.pdf", "x")
    fail(document.current_revision.job, "ingest.user.encrypted", "It is encrypted.")
    assert "The file is protected by a password." in body(browser.get(f"/documents/{document.id}"))


def test_an_upload_by_a_form_leads_back_to_the_list(world, browser):
    file = SimpleUploadedFile("規程.txt", "第1条".encode())
    done = browser.post("/documents/upload", {"file": file})
    assert (done.status_code, done.headers["Location"]) == (302, "/documents")
    assert Document.objects.get().purpose == "user_data"


def test_a_deleted_document_is_gone_from_every_page(world, browser, document):
    done = browser.post(f"/documents/{document.id}/delete")
    assert (done.status_code, done.headers["Location"]) == (302, "/documents")
    for path in ("", "/content"):
        body(browser.get(f"/documents/{document.id}{path}"), 404)
    body(browser.post(f"/documents/{document.id}/delete"), 404)


@pytest.mark.parametrize("path", ["upload", "file-x/delete"])
def test_a_change_takes_a_post(browser, path):
    body(browser.get(f"/documents/{path}"), 405)


# -- the API ------------------------------------------------------------------------------------
def test_pages_are_answered_with_their_known_fields_only(api, document):
    found = api.get(f"files/{document.id}/pages", after=3, limit=2).ok
    assert [page["number"] for page in found["data"]] == [4, 5]
    of_every_file = {"object", "file_id", "kind", "number", "label", "text", "tables", "personal_data"}
    assert set(found["data"][0]) == of_every_file | {"headings", "blocks", "width", "height", "text_origin"}
    assert found["data"][0]["text_origin"] == {"type": "ocr", "confidence": 0.9}
    assert (found["first_id"], found["last_id"], found["has_more"]) == (4, 5, True)


def test_pages_are_answered_with_their_blocks(api, document):
    blocks = (
        Block(kind="heading", level=2, start=0, end=3),
        Block(kind="paragraph", start=4, end=7, box=Box(left=72, top=90, right=200, bottom=102)),
    )
    page = Page(
        kind="page",
        number=1,
        text="第1章\n本文。",
        headings=(Heading(level=1, text="規程"),),
        blocks=blocks,
        width=595.0,
        height=842.0,
    )
    earlier = {"kind": "page", "number": 2, "text": "前の版が読んだ。"}
    lines = f"{page.model_dump_json()}\n{json.dumps(earlier)}\n"
    pages_path(document.current_revision).write_text(lines, encoding="utf-8")
    first, second = api.get(f"files/{document.id}/pages").ok["data"]
    assert first["headings"] == [{"level": 1, "text": "規程"}]
    assert [(block["kind"], block["level"], block["start"], block["end"]) for block in first["blocks"]] == [
        ("heading", 2, 0, 3),
        ("paragraph", None, 4, 7),
    ]
    assert first["blocks"][1]["box"] == {"left": 72.0, "top": 90.0, "right": 200.0, "bottom": 102.0}
    assert (first["width"], first["height"]) == (595.0, 842.0)
    assert [second[field] for field in ("headings", "blocks", "width", "height")] == [[], [], None, None]


def test_pages_of_a_document_that_is_not_ready_are_refused(api, world):
    unread = world.upload("未読.txt", "本文")
    assert api.get(f"files/{unread.id}/pages").error == (409, "document_not_ready", "file_id")
    fail(unread.current_revision.job, "ingest.user.encrypted")
    assert api.get(f"files/{unread.id}/pages").error == (409, "document_unreadable", "file_id")
    assert api.get("files/file-absent/pages").error == (404, "not_found", None)


def test_documents_are_found_in_the_order_asked_for_each_once(world):
    first, second = world.upload("a.txt", "a"), world.upload("b.txt", "b")
    assert documents_by_id([second.id, first.id, second.id], param="file_ids") == [second, first]
    with World("yoso"), pytest.raises(Exception) as refused:
        documents_by_id([first.id], param="file_ids")
    assert (refused.value.code, refused.value.param) == ("not_found", "file_ids.0")


# -- deletion -----------------------------------------------------------------------------------
def test_a_deletion_calls_what_other_apps_have_registered_in_its_transaction(world, monkeypatch):
    monkeypatch.setattr("documents.deletion.registered", registered := [])
    seen: list[str] = []

    def refuse(document, actor):
        seen.append(document.id)
        raise RuntimeError("not now")

    on_document_deletion(refuse)
    on_document_deletion(refuse)
    assert registered == [refuse]
    document = world.upload()
    with pytest.raises(RuntimeError):
        document_delete(document_id=document.id, actor=world.actor)
    assert seen == [document.id]
    assert Document.objects.get().deleted_at is None
