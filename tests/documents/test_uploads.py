"""Uploads in parts: order, sizes, repetition, expiry, and nothing left behind."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from common.errors import Conflict, InvalidRequest, NotFound, TooLarge
from common.storage import blob_path, part_path
from documents import uploads
from documents.models import Document, Upload, UploadPart, UploadState
from documents.sweeping import documents_sweep


@pytest.fixture
def begin(world):
    def make(size: int = 6, name: str = "規程.txt") -> Upload:
        return uploads.upload_create(
            name=name, purpose="user_data", size=size, media_type="text/plain", actor=world.actor
        )

    return make


@pytest.fixture
def add(world):
    return lambda upload, data: uploads.upload_part_add(upload_id=upload.id, chunks=[data], actor=world.actor)


def files(storage, folder: str) -> list[str]:
    return [path.name for path in storage.rglob("*") if path.is_file() and folder in path.parts]


def test_parts_are_joined_in_the_order_given(world, begin, add, storage, django_capture_on_commit_callbacks):
    upload = begin()
    second, first = add(upload, b"def"), add(upload, b"abc")
    with django_capture_on_commit_callbacks(execute=True):
        done = uploads.upload_complete(upload_id=upload.id, part_ids=[first.id, second.id], actor=world.actor)
    assert done.state == UploadState.COMPLETED
    revision = done.document.current_revision
    assert blob_path(world.organization.id, revision.sha256).read_bytes() == b"abcdef"
    assert files(storage, "parts") == [] and not UploadPart.objects.exists()
    again = uploads.upload_complete(upload_id=upload.id, part_ids=[first.id, second.id], actor=world.actor)
    assert again.document == done.document


@pytest.mark.parametrize(
    "changed",
    [{"part_ids": ["part_x"]}, {"part_ids": "reversed"}, {"md5": None}, {"md5": "0" * 32}],
    ids=str,
)
def test_a_finished_upload_answers_only_the_request_that_finished_it(world, begin, add, changed):
    upload = begin()
    parts = [add(upload, b"abc").id, add(upload, b"def").id]
    asked = {"upload_id": upload.id, "part_ids": parts, "md5": hashlib.md5(b"abcdef").hexdigest()}
    done = uploads.upload_complete(**asked, actor=world.actor)
    upper = asked["md5"].upper()
    assert uploads.upload_complete(**{**asked, "md5": upper}, actor=world.actor).document == done.document
    if changed.get("part_ids") == "reversed":
        changed = {"part_ids": parts[::-1]}
    with pytest.raises(Conflict) as refused:
        uploads.upload_complete(**{**asked, **changed}, actor=world.actor)
    assert refused.value.code == "upload_completed_differently"


def test_a_part_is_named_once(world, begin, add):
    upload = begin()
    part = add(upload, b"abc").id
    with pytest.raises(InvalidRequest) as refused:
        uploads.upload_complete(upload_id=upload.id, part_ids=[part, part], actor=world.actor)
    assert (refused.value.code, refused.value.param) == ("part_repeated", "part_ids.1")


def test_parts_that_do_not_add_up_are_refused_and_stay(world, begin, add):
    upload = begin()
    part = add(upload, b"abc")
    with pytest.raises(InvalidRequest) as refused:
        uploads.upload_complete(upload_id=upload.id, part_ids=[part.id], actor=world.actor)
    assert refused.value.code == "upload_size_mismatch"
    rest = add(upload, b"def")
    done = uploads.upload_complete(upload_id=upload.id, part_ids=[part.id, rest.id], actor=world.actor)
    assert done.state == UploadState.COMPLETED


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"dEf"), Path.unlink])
def test_a_part_damaged_on_the_disk_becomes_no_document(world, begin, add, storage, damage):
    upload = begin()
    first, second = add(upload, b"abc"), add(upload, b"def")
    damage(part_path(world.organization.id, upload.id, second.id))
    with pytest.raises(InvalidRequest) as refused:
        uploads.upload_complete(upload_id=upload.id, part_ids=[first.id, second.id], actor=world.actor)
    assert (refused.value.code, refused.value.param) == ("part_damaged", "part_ids.1")
    assert files(storage, "blobs") == [] and files(storage, "incoming") == []
    assert not Document.objects.exists()
    again = add(upload, b"def")
    done = uploads.upload_complete(upload_id=upload.id, part_ids=[first.id, again.id], actor=world.actor)
    assert done.state == UploadState.COMPLETED


def test_a_part_of_another_upload_does_not_exist_here(world, begin, add):
    upload, other = begin(), begin(name="別.txt")
    foreign = add(other, b"abcdef")
    with pytest.raises(NotFound) as refused:
        uploads.upload_complete(upload_id=upload.id, part_ids=[foreign.id], actor=world.actor)
    assert refused.value.param == "part_ids.0"


def test_refuses_more_parts_than_twice_the_announced_size(begin, add, storage):
    upload = begin(size=3)
    add(upload, b"abc")
    add(upload, b"abc")
    with pytest.raises(TooLarge) as refused:
        add(upload, b"abc")
    assert refused.value.code == "upload_exceeded"
    assert len(files(storage, "parts")) == 2 and files(storage, "incoming") == []


def test_an_empty_part_is_refused(begin, add):
    with pytest.raises(InvalidRequest) as refused:
        add(begin(), b"")
    assert refused.value.code == "empty_part"


def test_a_cancelled_upload_refuses_parts(world, begin, add, storage, django_capture_on_commit_callbacks):
    upload = begin()
    add(upload, b"abc")
    with django_capture_on_commit_callbacks(execute=True):
        uploads.upload_cancel(upload_id=upload.id, actor=world.actor)
    assert files(storage, "parts") == []
    with pytest.raises(Conflict) as refused:
        add(upload, b"abc")
    assert refused.value.code == "upload_not_pending"


def test_an_expired_upload_is_refused_and_swept_up(begin, add, storage, django_capture_on_commit_callbacks):
    upload = begin()
    add(upload, b"abc")
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict) as refused:
        add(upload, b"def")
    assert refused.value.code == "upload_expired"
    with django_capture_on_commit_callbacks(execute=True):
        documents_sweep()
    assert files(storage, "parts") == []
    assert Upload.objects.get(pk=upload.id).state == UploadState.EXPIRED


@pytest.mark.parametrize(
    ("size", "code"), [(0, "empty_file"), (-1, "empty_file"), (10**30, "file_too_large")]
)
def test_an_impossible_size_is_refused_at_once(begin, size, code):
    with pytest.raises((InvalidRequest, TooLarge)) as refused:
        begin(size=size)
    assert (refused.value.code, refused.value.param) == (code, "bytes")
