"""The document pages: searching, uploading, reading a document, deleting it."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.models import Document
from tests.console.pages import text

pytestmark = pytest.mark.slow


def test_documents_are_searched_filtered_and_paged(company):
    for number in range(23):
        company.document(f"規程{number:02}.txt", text=f"本文{number}")
    company.document("暗号.pdf", state="error")
    client = company.client()
    assert "規程07.txt" in text(client.get("/documents?q=規程07"))
    assert "規程08.txt" not in text(client.get("/documents?q=規程07"))
    errors = text(client.get("/documents?state=error"))
    assert "暗号.pdf" in errors
    assert "The file is protected by a password." in errors
    assert "規程07.txt" not in errors
    seen: list[str] = []
    path: str | None = "/documents?q=規程&sort=name"
    while path:
        page = text(client.get(path))
        seen += re.findall(r"<span>(規程\d\d\.txt)</span>", page)
        onward = re.search(r'rel="next" href="([^"]+)"|href="([^"]+)" rel="next"', page)
        following = re.search(r'<a class="button small" rel="next" href="(\?[^"]+)"', page)
        assert bool(onward) == bool(following)
        path = f"/documents{following[1].replace('&amp;', '&')}" if following else None
    assert seen == [f"規程{number:02}.txt" for number in range(23)]


def test_a_search_without_a_hit_offers_to_clear_it(company):
    company.document()
    assert "No document matches" in text(company.client().get("/documents?q=xyz"))


def test_the_list_reloads_only_while_a_document_is_read(company):
    client = company.client()
    company.document("a.txt")
    assert "every 2s" not in text(client.get("/documents"))
    company.document("b.txt", state="uploaded")
    assert "every 2s" in text(client.get("/documents"))


def test_a_form_uploads_where_no_script_runs(company):
    client = company.client("editor")
    file = SimpleUploadedFile("就業規則.txt", "第1条".encode(), content_type="text/plain")
    assert client.post("/documents/upload", {"file": file}).status_code == 302
    assert client.post("/documents/upload", {"file": SimpleUploadedFile("空.txt", b"")}).status_code == 400
    assert client.post("/documents/upload", {}).status_code == 400
    assert company.client("viewer").post("/documents/upload", {"file": file}).status_code == 403
    chats = SimpleUploadedFile("chats.jsonl", b'{"messages": []}\n')
    client.post("/documents/upload", {"file": chats})
    with company.scope():
        found = dict(Document.objects.values_list("name", "purpose"))
    assert found == {"就業規則.txt": "user_data", "chats.jsonl": "fine-tune"}


def test_a_document_shows_its_text_escaped_and_page_by_page(company):
    document = company.document(pages=12, text="<script>alert(1)</script>")
    client = company.client()
    page = text(client.get(f"/documents/{document.id}"))
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "page 10" in page
    assert "page 11" not in page
    assert "page 12" in text(client.get(f"/documents/{document.id}?page=11"))


def test_a_document_is_sent_as_an_attachment(company):
    document = company.document("会社.html")
    answer = company.client("viewer").get(f"/documents/{document.id}/content")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_the_deletion_dialog_names_what_uses_the_document(company, everything):
    company_document = company.document("育児規程.txt")
    version = company.version(everything["dataset"], company_document)
    client = company.client("editor")
    dialog = (
        text(client.get(f"/documents/{company_document.id}")).split("<dialog", 1)[1].split("</dialog>")[0]
    )
    assert f"社内規程, version {version.number}" in dialog
    assert client.post(f"/documents/{company_document.id}/delete").headers["Location"] == "/documents"
    assert client.get(f"/documents/{company_document.id}").status_code == 404
