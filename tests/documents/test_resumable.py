"""Uploads by the tus protocol: what arrives is kept, in order, once, and the file becomes a document when it is whole."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Role
from common.storage import blob_path
from documents.models import Document, Upload, UploadPart
from documents.resumable import upload_append
from documents.uploads import expired_drop
from tests.console.company import Company

CHUNK = "application/offset+octet-stream"
CONTENT = "第1条 この規程は、出張について定める。".encode()


@pytest.fixture
def company(db):
    return Company("ours")


@pytest.fixture
def client(company):
    return company.client(Role.EDITOR)


def begin(
    client, size: int = len(CONTENT), name: str = "総務/規程.txt", content: bytes | None = None, **headers
):
    metadata = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}"
        for key, value in (("filename", name), ("filetype", "text/plain"))
    )
    stated = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata} | headers
    return client.post(
        "/documents/uploads",
        content or b"",
        content_type=CHUNK if content is not None else "text/plain",
        headers=stated,
    )


def append(client, url: str, offset: object, content: bytes, kind: str = CHUNK):
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)}
    return client.patch(url, content, content_type=kind, headers=headers)


def offset_of(client, url: str) -> tuple[int, str | None]:
    answer = client.head(url, headers={"Tus-Resumable": "1.0.0"})
    return answer.status_code, answer.headers.get("Upload-Offset")


def stored(company) -> dict[str, bytes]:
    with company.scope():
        return {
            each.name: blob_path(company.organization.id, each.current_revision.sha256).read_bytes()
            for each in Document.objects.select_related("current_revision")
        }


def test_a_small_file_is_one_request(company, client):
    answer = begin(client, content=CONTENT)
    assert (answer.status_code, answer["Upload-Offset"], answer["Kosha-Unchanged"]) == (
        201,
        str(len(CONTENT)),
        "0",
    )
    assert answer["Location"] == answer["Kosha-Document"]
    assert begin(client, content=CONTENT)["Kosha-Unchanged"] == "1"
    assert stored(company) == {"総務/規程.txt": CONTENT}
    with company.scope():
        assert not Upload.objects.exists()


def test_chunks_become_a_document_with_the_last_one(company, client):
    answer = begin(client, content=CONTENT[:10])
    url = answer["Location"]
    assert (answer.status_code, answer["Upload-Offset"], answer["Tus-Resumable"]) == (201, "10", "1.0.0")
    assert append(client, url, 10, CONTENT[10:20])["Upload-Offset"] == "20"
    assert offset_of(client, url) == (200, "20") and stored(company) == {}
    last = append(client, url, 20, CONTENT[20:])
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(CONTENT)))
    assert stored(company) == {"総務/規程.txt": CONTENT}
    # As after an answer that was lost on its way.
    assert offset_of(client, url) == (200, str(len(CONTENT)))
    with company.scope():
        assert not UploadPart.objects.exists()


REFUSED = {
    "another offset": (lambda client, url: append(client, url, 4, CONTENT[4:]), 409, "upload_offset_differs"),
    "more than announced": (lambda client, url: append(client, url, 10, CONTENT + b"x"), 400, "upload_exceeded"),
    "no number": (lambda client, url: append(client, url, "-1", CONTENT), 400, "invalid_value"),
    "another type": (lambda client, url: append(client, url, 10, CONTENT, "text/plain"), 400, "invalid_value"),
    "no protocol": (lambda client, url: client.patch(url, CONTENT, content_type=CHUNK), 400, "invalid_value"),
    "no length": (lambda client, url: begin(client, **{"Upload-Length": ""}), 400, "invalid_value"),
    "an empty file": (lambda client, url: begin(client, 0, content=b""), 400, "empty_file"),
    "a file over the limit": (lambda client, url: begin(client, 10**12), 413, "file_too_large"),
    "a name that leads out": (lambda client, url: begin(client, name="../a.txt"), 400, "invalid_file_name"),
    "no name": (lambda client, url: begin(client, **{"Upload-Metadata": ""}), 400, "invalid_file_name"),
    "metadata that is no text": (
        lambda client, url: begin(client, **{"Upload-Metadata": "filename ///"}), 400, "invalid_value",
    ),
    "an unknown upload": (lambda client, url: append(client, "/documents/uploads/upload_x", 0, b"x"), 404, "not_found"),
}  # fmt: skip


@pytest.mark.parametrize(("request_of", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing(company, client, request_of, status, code):
    url = begin(client, content=CONTENT[:10])["Location"]
    answer = request_of(client, url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert offset_of(client, url) == (200, "10") and stored(company) == {}


def test_an_upload_of_another_organization_does_not_exist(client, company):
    url = begin(client, content=CONTENT[:10])["Location"]
    stranger = Company("theirs").client(Role.EDITOR)
    answers = [append(stranger, url, 10, b"x"), stranger.delete(url, headers={"Tus-Resumable": "1.0.0"})]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert offset_of(stranger, url)[0] == 404 and offset_of(client, url) == (200, "10")


def test_an_upload_that_is_given_up_or_too_old_is_gone(company, client):
    given_up, too_old = (begin(client, content=CONTENT[:10])["Location"] for _ in range(2))
    assert client.delete(given_up, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    with company.scope():
        Upload.objects.filter(pk=too_old.rsplit("/", 1)[1]).update(
            expires_at=timezone.now() - timedelta(seconds=1)
        )
        assert [offset_of(client, url)[0] for url in (given_up, too_old)] == [409, 409]
        expired_drop()
        assert not UploadPart.objects.exists()


def test_a_chunk_that_breaks_off_leaves_the_offset(company, client):
    url = begin(client, content=CONTENT[:10])["Location"]

    def broken():
        yield CONTENT[10:15]
        raise ConnectionError

    with company.scope(), pytest.raises(ConnectionError):
        upload_append(upload_id=url.rsplit("/", 1)[1], offset=10, chunks=broken(), actor=company.actor)
    assert offset_of(client, url) == (200, "10")
