"""Home, documents, datasets, jobs and settings: drawn in both languages, for each role, empty and full."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.permissions import ROLE_PERMISSIONS
from common.permissions import Permission
from documents.models import Document
from jobs.models import Job
from middleware.route_rules import route_rules

pytestmark = pytest.mark.slow

ROOMS = [
    "/",
    "/documents",
    "/datasets",
    "/datasets/new",
    "/jobs",
    "/settings/members",
    "/settings/keys",
    "/settings/models",
    "/settings/clusters",
    "/settings/audit",
    "/account/password",
]


def text(response) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


@pytest.fixture
def full(company):
    """One of everything the pages show."""
    document = company.document()
    version = company.version(company.dataset(), document)
    return document, version


def pages_of(document, version) -> list[str]:
    dataset = f"/datasets/{version.dataset_id}"
    return [
        f"/documents/{document.id}",
        dataset,
        f"{dataset}/build",
        f"{dataset}/versions/{version.id}",
        f"{dataset}/versions/{version.id}/records",
        f"{dataset}/versions/{version.id}/dropped",
        f"/jobs/{version.job_id}",
    ]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_drawn_within_the_policy(company, language, full):
    client = company.client("owner", language)
    for path in ROOMS + pages_of(*full):
        page = text(client.get(path))
        assert f'<html lang="{language}"' in page
        assert " style=" not in page
        assert not re.search(r"\son[a-z]+=", page)
        assert len(re.findall(r"<h1[ >]", page)) == 1


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_empty_room_is_drawn(company, language):
    client = company.client("owner", language)
    for path in ROOMS:
        text(client.get(path))


def test_an_empty_room_says_what_to_do_first(company):
    client = company.client()
    assert "No documents yet" in text(client.get("/documents"))
    assert "No dataset yet" in text(client.get("/datasets"))
    assert "Upload documents first" in text(client.get("/jobs"))
    assert "Upload documents" in text(client.get("/"))


@pytest.mark.parametrize("role", list(ROLE_PERMISSIONS))
def test_a_role_opens_what_the_table_says(company, full, role):
    client = company.client(role)
    routes = {
        "/datasets/new": "GET datasets/new",
        "/settings/audit": "GET settings/audit",
        "/documents": "GET documents",
        "/jobs": "GET jobs",
    }
    for path, route in routes.items():
        allowed = route_rules()[route] in ROLE_PERMISSIONS[role]
        assert client.get(path).status_code == (200 if allowed else 403), path


def test_a_viewer_sees_no_button_that_would_be_refused(company, full):
    document, version = full
    page = text(company.client("viewer").get(f"/documents/{document.id}"))
    assert "delete-document" not in page
    for path in ["/documents", "/datasets", f"/datasets/{version.dataset_id}", f"/jobs/{version.job_id}"]:
        page = text(company.client("viewer").get(path))
        assert 'method="post"' not in page.split("<main")[1], path
    assert Permission.DOCUMENTS_WRITE not in ROLE_PERMISSIONS["viewer"]


def test_what_belongs_to_another_organization_looks_absent(company, stranger, full):
    absent = company.client().get("/documents/file-absent")
    for path in pages_of(*full):
        response = stranger.client().get(path)
        assert response.status_code == 404, path
    assert absent.status_code == 404


# -- documents ----------------------------------------------------------------------------------
def test_documents_are_searched_filtered_and_turned(company):
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


def test_a_search_without_a_hit_offers_the_way_back(company):
    company.document()
    assert "No document matches" in text(company.client().get("/documents?q=xyz"))


def test_the_list_asks_again_only_while_something_is_read(company):
    client = company.client()
    company.document("a.txt")
    assert "every 2s" not in text(client.get("/documents"))
    company.document("b.txt", state="uploaded")
    assert "every 2s" in text(client.get("/documents"))


def test_an_upload_answers_the_script_in_json(company):
    client = company.client("editor")
    file = SimpleUploadedFile("就業規則.txt", "第1条".encode(), content_type="text/plain")
    answer = client.post("/documents/upload", {"file": file}, HTTP_ACCEPT="application/json")
    assert answer.status_code == 201
    empty = client.post(
        "/documents/upload", {"file": SimpleUploadedFile("空.txt", b"")}, HTTP_ACCEPT="application/json"
    )
    assert empty.status_code == 400
    assert empty.json()["error"]["code"] == "empty_file"
    missing = client.post("/documents/upload", {}, HTTP_ACCEPT="application/json")
    assert missing.json()["error"]["code"] == "no_file"
    refused = company.client("viewer").post("/documents/upload", {"file": file})
    assert refused.status_code == 403
    with company.scope():
        assert [document.name for document in Document.objects.all()] == ["就業規則.txt"]


def test_a_jsonl_file_is_taken_as_conversations(company):
    file = SimpleUploadedFile("chats.jsonl", b'{"messages": []}\n')
    company.client("editor").post("/documents/upload", {"file": file}, HTTP_ACCEPT="application/json")
    with company.scope():
        assert Document.objects.get().purpose == "fine-tune"


def test_a_document_shows_its_text_escaped_and_page_by_page(company):
    document = company.document(pages=12, text="<script>alert(1)</script>")
    client = company.client()
    page = text(client.get(f"/documents/{document.id}"))
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "page 10" in page
    assert "page 11" not in page
    assert "page 12" in text(client.get(f"/documents/{document.id}?page=10"))


def test_a_document_is_downloaded_never_shown(company):
    document = company.document("会社.html")
    answer = company.client("viewer").get(f"/documents/{document.id}/content")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_a_deletion_says_what_it_touches(company, full):
    document, version = full
    client = company.client("editor")
    dialog = text(client.get(f"/documents/{document.id}")).split("<dialog", 1)[1].split("</dialog>")[0]
    assert f"社内規程, version {version.number}" in dialog
    assert client.post(f"/documents/{document.id}/delete").headers["Location"] == "/documents"
    assert client.get(f"/documents/{document.id}").status_code == 404


# -- datasets -----------------------------------------------------------------------------------
def test_a_dataset_is_made_and_a_version_is_announced_before_it_is_built(company):
    company.document()
    company.document("暗号.pdf", state="error")
    client = company.client("editor")
    made = client.post("/datasets/new", {"name": "社内規程", "description": "", "recipe": ""})
    preview = text(client.get(made.headers["Location"]))
    assert "Documents that go in" in preview
    assert "Mask personal data" in preview
    assert "could not be read" in preview
    built = client.post(made.headers["Location"], {"heldout_percent": "20"})
    page = text(client.get(built.headers["Location"]))
    assert "cancel-build" in page
    assert "every 2s" in page
    with company.scope():
        assert Job.objects.get(kind="curation").spec["heldout_share"] == 0.2


def test_a_wrong_form_is_told_beside_the_field(company):
    company.dataset("社内規程")
    client = company.client("editor")
    twice = client.post("/datasets/new", {"name": "社内規程", "recipe": ""})
    assert twice.status_code == 400
    assert "A dataset of this name exists" in twice.content.decode()
    assert "errorlist" in twice.content.decode()


def test_a_build_without_documents_is_refused_in_place(company):
    dataset = company.dataset()
    refused = company.client("editor").post(f"/datasets/{dataset.id}/build", {"heldout_percent": "10"})
    assert refused.status_code == 400


def test_a_version_shows_what_was_kept_dropped_and_masked(company, full):
    _document, version = full
    page = text(company.client("viewer").get(version.get_absolute_url()))
    for words in ["Drop near-duplicates", "nearly the same as another", "telephone numbers", "<rect"]:
        assert words in page


def test_records_link_to_their_place_and_are_turned(company, full):
    document, version = full
    client = company.client("viewer")
    first = text(client.get(f"{version.get_absolute_url()}/records"))
    assert f'href="/documents/{document.id}?page=1#page-2"' in first
    assert "?after=20" in first
    second = text(client.get(f"{version.get_absolute_url()}/records?after=20"))
    assert "記録24の本文" in second
    assert "記録2の本文" not in second
    assert "nearly the same as another" in text(client.get(f"{version.get_absolute_url()}/dropped"))


def test_a_failed_version_says_why(company):
    version = company.version(company.dataset(), company.document(), state="failed")
    with company.scope():
        Job.objects.filter(pk=version.job_id).update(
            error_code="curation.system.crashed", error_message="boom"
        )
    page = text(company.client().get(version.get_absolute_url()))
    assert "It failed through no fault of yours." in page
    assert "curation.system.crashed" in page


@pytest.mark.parametrize("state", ["building", "failed", "cancelled"])
def test_a_version_without_figures_is_listed_all_the_same(company, state):
    version = company.version(company.dataset(), company.document(), state=state)
    client = company.client()
    assert f'data-state="{state}"' in text(client.get(f"/datasets/{version.dataset_id}"))
    assert f'data-state="{state}"' in text(client.get(version.get_absolute_url()))
    assert client.get(f"{version.get_absolute_url()}/records").status_code == 409


# -- jobs ---------------------------------------------------------------------------------------
def test_jobs_are_filtered_and_name_what_they_work_on(company, full):
    client = company.client("viewer")
    curated = text(client.get("/jobs?kind=curation"))
    assert "社内規程, version 1" in curated
    assert "就業規則.txt" not in curated
    assert "No job matches" in text(client.get("/jobs?state=failed"))


def test_a_job_is_cancelled_where_the_button_was(company):
    version = company.version(company.dataset(), company.document(), state="building")
    client = company.client("editor")
    here = version.get_absolute_url()
    answer = client.post(f"/jobs/{version.job_id}/cancel", {"next": here})
    assert answer.headers["Location"] == here
    away = client.post(f"/jobs/{version.job_id}/cancel", {"next": "https://elsewhere.example/"})
    assert away.headers["Location"] == f"/jobs/{version.job_id}"
    page = text(client.get(f"/jobs/{version.job_id}"))
    assert 'data-state="cancelled"' in page
    assert "sse-connect" not in page


def test_a_job_that_cannot_pause_is_refused_with_a_sentence(company):
    version = company.version(company.dataset(), company.document(), state="building")
    client = company.client("editor")
    answer = client.post(f"/jobs/{version.job_id}/pause", follow=True)
    assert "A job of this kind cannot be paused" in answer.content.decode()


# -- home ---------------------------------------------------------------------------------------
def test_home_says_what_comes_next(company):
    client = company.client("editor")
    assert "Next: Documents" in re.sub(r"\s+", " ", text(client.get("/")))
    document = company.document()
    company.document("暗号.pdf", state="error")
    page = re.sub(r"\s+", " ", text(client.get("/")))
    assert "Next: Dataset" in page
    assert "Documents that could not be read: 1" in page
    company.version(company.dataset(), document)
    assert "Next: Training" in re.sub(r"\s+", " ", text(client.get("/")))


def test_home_tells_a_viewer_whose_turn_it_is(company):
    page = text(company.client("viewer").get("/"))
    assert "Your role does not allow this" in page
