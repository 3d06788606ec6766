"""Uploads on a disk that is nearly full: refused before they fill it, and nothing is left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.disk import have_room
from common.error_answers import known_error
from common.errors import InsufficientStorage
from common.storage import ROOM_LOOK_BYTES, receive
from documents.models import Document, Upload
from middleware.body_limit import SPOOLED_COPIES, BodyLimit

EVERYTHING = 1 << 60


@pytest.fixture
def full(settings):
    settings.KOSHA_DISK_FLOOR_BYTES = EVERYTHING


def test_an_upload_is_refused_with_507(api, full, storage):
    assert api.upload("規則.txt", b"abc").error == (507, "insufficient_storage", None)
    announced = {"bytes": 3, "filename": "a.txt", "mime_type": "text/plain", "purpose": "user_data"}
    assert api.post("uploads", announced).error == (507, "insufficient_storage", "bytes")
    assert not Document.objects.exists() and not Upload.objects.exists()
    assert [path for path in storage.rglob("*") if path.is_file()] == []


def test_reading_still_works_on_a_full_disk(api, world, full):
    assert api.get("files").status == 200


def test_stops_receiving_when_the_disk_fills_up(settings, world, storage):
    def chunks():
        yield b"x" * ROOM_LOOK_BYTES
        settings.KOSHA_DISK_FLOOR_BYTES = EVERYTHING
        while True:
            yield b"x"

    with pytest.raises(InsufficientStorage):
        receive(world.organization.id, chunks(), maximum_bytes=EVERYTHING)
    assert [path for path in storage.rglob("*") if path.is_file()] == []


async def test_a_body_is_refused_before_it_is_spooled(full):
    """Django would write it to disk before any view sees it."""
    headers = [(b"content-type", b"multipart/form-data; boundary=x"), (b"content-length", b"3")]
    received, sent = [], []

    async def receive_all():
        return {"type": "http.request", "body": b"abc", "more_body": False}

    async def send(message):
        sent.append(message)

    async def application(scope, receive, send):
        received.append(await receive())

    limit = BodyLimit(application, upload_bytes=10, plain_bytes=10)
    await limit({"type": "http", "headers": headers}, receive_all, send)
    assert (received, sent[0]["status"]) == ([], 507)
    assert json.loads(sent[1]["body"])["error"]["code"] == "insufficient_storage"


@pytest.mark.parametrize(
    ("free_to_spool", "free_to_store", "fits"),
    [(2100, 1100, True), (1900, 1100, False), (2100, 900, False)],
)
async def test_a_body_needs_space_for_spooling_and_for_storage(
    settings, storage, monkeypatch, free_to_spool, free_to_store, fits
):
    """In a pod these are two volumes."""
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    settings.FILE_UPLOAD_TEMP_DIR = Path("/dev/shm")
    free = {Path("/dev/shm"): free_to_spool, storage: free_to_store}
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=10_000, free=free[folder]))
    assert storage.stat().st_dev != Path("/dev/shm").stat().st_dev
    limit = BodyLimit(None, upload_bytes=2000, plain_bytes=0)
    refusal = await limit._refusal(1000, 2000, is_upload=True, copies_to_spool=SPOOLED_COPIES)
    assert (refusal is None) is fits


def test_folders_on_one_disk_share_its_free_space(tmp_path, settings, monkeypatch):
    settings.KOSHA_DISK_FLOOR_BYTES = 100
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=10_000, free=1000))
    needs = {tmp_path / "uploads": 600, tmp_path / "storage": 300}
    assert have_room(needs)
    assert not have_room({**needs, tmp_path / "storage": 301})


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (errno.ENOSPC, 507, "insufficient_storage"),
        (errno.EROFS, 503, "storage_unavailable"),
        (errno.EIO, 503, "storage_unavailable"),
    ],
)
async def test_a_disk_error_while_spooling_has_the_usual_code(number, status, code):
    sent = []

    async def application(scope, receive, send):
        raise OSError(number, os.strerror(number))

    async def send(message):
        sent.append(message)

    await BodyLimit(application, upload_bytes=10, plain_bytes=10)({"type": "http", "headers": []}, None, send)
    assert (sent[0]["status"], json.loads(sent[1]["body"])["error"]["code"]) == (status, code)
    assert (b"retry-after" in dict(sent[0]["headers"])) is (status == 503)
    known = known_error(OSError(number, os.strerror(number)))
    assert known is not None and (known.status, known.code) == (status, code)


async def test_an_unreachable_storage_is_reported_before_the_body_is_read(monkeypatch):
    sent = []

    def away(folder):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    async def send(message):
        sent.append(message)

    async def receive_all():
        return {"type": "http.request", "body": b"abc", "more_body": False}

    monkeypatch.setattr(shutil, "disk_usage", away)
    headers = [(b"content-type", b"multipart/form-data; boundary=x"), (b"content-length", b"3")]
    limit = BodyLimit(None, upload_bytes=10, plain_bytes=10)
    await limit({"type": "http", "headers": headers}, receive_all, send)
    assert sent[0]["status"] == 503


async def test_a_disk_error_during_an_answer_starts_no_second_answer():
    sent = []

    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def send(message):
        sent.append(message)

    with pytest.raises(OSError):
        await BodyLimit(application, upload_bytes=10, plain_bytes=10)(
            {"type": "http", "headers": []}, None, send
        )
    assert [message["status"] for message in sent] == [200]
