"""What a process leaves behind that died between any two statements, and what the sweep makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from common.storage import artifact_path, blob_keep, blob_path, receive
from documents import services
from documents.models import Document, Upload
from documents.selectors import PAGES
from documents.services import document_delete
from documents.sweeping import documents_sweep
from documents.uploads import upload_create, upload_part_add

pytestmark = pytest.mark.slow


def files(storage, *folders: str) -> list[str]:
    found = [path for name in folders for path in storage.rglob(f"{name}/**/*") if path.is_file()]
    return sorted(path.name for path in found)


def test_removes_an_upload_whose_receiver_was_killed(world, storage, repository):
    code = (
        "import django, os, signal; django.setup()\n"
        "from pathlib import Path; from django.conf import settings\n"
        "settings.KOSHA_STORAGE_ROOT = Path(os.environ['STORAGE'])\n"
        "from common.storage import receive\n"
        "def chunks():\n"
        "    yield b'half of it'\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"receive({world.organization.id!r}, chunks(), maximum_bytes=100)"
    )
    environment = {**os.environ, "STORAGE": str(storage), "PYTHONPATH": f"{repository}/platform:{repository}"}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == -signal.SIGKILL
    assert len(files(storage, "incoming")) == 1
    documents_sweep()
    assert files(storage, "incoming") == []


def test_keeps_an_upload_that_is_still_arriving(world, storage):
    incoming = receive(world.organization.id, [b"bytes"], maximum_bytes=100)
    documents_sweep()
    assert incoming.path.exists()
    incoming.discard()
    assert files(storage, "incoming") == []


def test_bytes_kept_for_a_row_that_was_never_committed_are_erased(world, storage):
    incoming = receive(world.organization.id, [b"secret plan"], maximum_bytes=100)
    blob_keep(world.organization.id, incoming)
    incoming.abandon()  # as the process's death does
    assert blob_path(world.organization.id, incoming.sha256).exists()
    documents_sweep()
    assert files(storage, "incoming", "blobs") == []


def test_bytes_that_a_document_refers_to_stay(world, storage, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        document = world.upload("規程.txt", "本文")
    sha256 = document.current_revision.sha256
    again = receive(world.organization.id, ["本文".encode()], maximum_bytes=100)
    blob_keep(world.organization.id, again)
    again.abandon()
    documents_sweep()
    assert files(storage, "incoming", "blobs") == [sha256]


def test_finishes_an_interrupted_erasure(world, storage, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        document = world.upload("規程.txt", "本文")
    pages = artifact_path(world.organization.id, PAGES, document.current_revision_id)
    pages.mkdir(parents=True)
    document_delete(document_id=document.id, actor=world.actor)  # committed, but what follows never ran
    assert files(storage, "blobs") != []
    documents_sweep()
    assert files(storage, "blobs") == []
    assert not pages.exists()
    assert Document.objects.get(pk=document.id).erased_at is not None


def test_a_document_counts_as_erased_only_when_its_files_are_gone(
    world, storage, monkeypatch, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        stuck, other = world.upload("規程.txt", "本文"), world.upload("別.txt", "別の本文")
    pages = artifact_path(world.organization.id, PAGES, stuck.current_revision_id)
    pages.mkdir(parents=True)
    erase = services.blob_delete

    def refused(organization_id, sha256):
        if sha256 == stuck.current_revision.sha256:
            raise OSError(16, "Device or resource busy")
        erase(organization_id, sha256)

    with monkeypatch.context() as broken:
        broken.setattr(services, "artifact_delete", lambda *_: None)
        with django_capture_on_commit_callbacks(execute=True):
            document_delete(document_id=stuck.id, actor=world.actor)
        assert Document.objects.get(pk=stuck.id).erased_at is None, "its text is there still"
        broken.setattr(services, "blob_delete", refused)
        with django_capture_on_commit_callbacks(execute=True):
            document_delete(document_id=other.id, actor=world.actor)
        documents_sweep()
        assert Document.objects.get(pk=other.id).erased_at is not None, "nobody waits for the other"
    documents_sweep()
    assert not pages.exists()
    assert Document.objects.get(pk=stuck.id).erased_at is not None


def test_a_failure_at_commit_leaves_the_bytes_to_the_sweep(world, storage, monkeypatch):
    def broken(organization_id, incoming):
        blob_keep(organization_id, incoming)
        raise ConnectionError("the database is gone")

    monkeypatch.setattr(services, "blob_keep", broken)
    with pytest.raises(ConnectionError):
        world.upload()
    assert len(files(storage, "blobs")) == 1
    documents_sweep()
    assert files(storage, "blobs", "incoming") == []


def test_removes_the_parts_of_an_ended_upload(world, storage):
    folder = storage / "organizations" / world.organization.id / "parts" / "upload_gone"
    folder.mkdir(parents=True)
    (folder / "part_1").write_bytes(b"part")
    documents_sweep()
    assert not folder.exists()


def test_a_part_whose_row_was_never_committed_is_dropped_and_the_others_stay(world, storage, monkeypatch):
    upload = upload_create(
        name="本.txt", purpose="user_data", size=6, media_type="text/plain", actor=world.actor
    )
    kept = upload_part_add(upload_id=upload.id, chunks=["第1".encode()], actor=world.actor)

    def died(*_arguments, **_options):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("documents.uploads.UploadPart.save", died)
        upload_part_add(upload_id=upload.id, chunks=["条".encode()], actor=world.actor)
    assert len(files(storage, "parts")) == 2
    documents_sweep()
    assert files(storage, "parts") == [kept.id]


def test_a_worker_whose_clock_is_ahead_expires_no_upload(world, monkeypatch):
    upload = upload_create(
        name="本.txt", purpose="user_data", size=3, media_type="text/plain", actor=world.actor
    )
    ahead = timezone.now() + timedelta(hours=2)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    documents_sweep()
    assert Upload.objects.get(pk=upload.id).state == "pending"
