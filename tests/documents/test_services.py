"""Documents: what an upload makes, what stays the same, and that a deletion erases."""

from __future__ import annotations

import pytest

from common.errors import InvalidRequest, NotFound, TooLarge
from common.storage import Incoming, blob_path
from documents import services
from documents.models import Document, Revision, RevisionState
from documents.selectors import document_get, document_list, pages, pages_folder, require_processed
from documents.services import clean_name, document_delete
from jobs.models import Job
from jobs.produced import produced_finalize
from tests.world import DIGEST, begin, fail, ingest_result, move_by_sql
from workers.contract.specs.ingest import IngestResult

RESULT = IngestResult(media_type="text/plain", pages=1, characters=2, sha256=DIGEST, manifest_sha256=DIGEST)


def blob_of(document: Document):
    return blob_path(document.organization_id, document.current_revision.sha256)


def test_an_upload_keeps_the_bytes_and_queues_their_reading(world):
    document = world.upload("規程.txt", "第1条")
    revision = document.current_revision
    assert (revision.number, revision.state, revision.size) == (
        1,
        RevisionState.UPLOADED,
        len("第1条".encode()),
    )
    assert blob_of(document).read_bytes() == "第1条".encode()
    assert revision.job.kind == "ingest"
    (file,) = revision.job.spec["files"]
    assert (file["sha256"], file["path"]) == (revision.sha256, str(blob_of(document)))


def test_the_same_bytes_under_the_same_name_change_nothing(world):
    first = world.upload("規程.txt", "第1条")
    again = world.upload("規程.txt", "第1条")
    assert again.current_revision == first.current_revision
    assert Job.objects.count() == 1


def test_other_bytes_under_the_same_name_are_a_new_revision(world):
    first = world.document("規程.txt", "第1条")
    second = world.upload("規程.txt", "第2条")
    assert second.id == first.id
    assert second.current_revision.number == 2
    assert blob_of(first).exists() and blob_of(second).exists()


def test_bytes_that_could_not_be_read_may_be_tried_again(world):
    first = world.upload("規程.txt", "第1条")
    fail(first.current_revision.job, "ingest.user.undecodable")
    assert world.upload("規程.txt", "第1条").current_revision.number == 2


def test_the_same_name_for_another_purpose_is_another_document(world):
    assert world.upload("a.jsonl", "{}").id != world.upload("a.jsonl", "{}", purpose="fine-tune").id


def test_the_result_of_ingest_is_adopted_once(world):
    document = world.document("規程.txt", "本文です", title="規程")
    revision = document.current_revision
    assert (revision.state, revision.title, revision.pages) == (RevisionState.PROCESSED, "規程", 1)
    assert pages(revision, after=0, limit=5) == (
        [{"kind": "page", "number": 1, "text": "本文です", "tables": []}],
        False,
    )
    produced_finalize(revision.job)
    assert (pages_folder(revision) / "pages.jsonl").exists()


def test_a_failed_ingest_keeps_its_reason(world):
    document = world.upload()
    fail(document.current_revision.job, "ingest.user.encrypted_pdf", "Remove the password.")
    revision = document_get(document.id).current_revision
    assert (revision.state, revision.error_code) == (RevisionState.FAILED, "ingest.user.encrypted_pdf")
    assert revision.error_message == "Remove the password."
    with pytest.raises(Exception) as refused:
        require_processed(document_get(document.id), param="file_ids.0")
    assert refused.value.code == "document_unreadable"


def test_a_deletion_erases_bytes_and_text(world, django_capture_on_commit_callbacks):
    document = world.document()
    folder, blob = pages_folder(document.current_revision), blob_of(document)
    assert folder.exists()
    with django_capture_on_commit_callbacks(execute=True):
        document_delete(document_id=document.id, actor=world.actor)
    assert not blob.exists()
    assert not folder.exists()
    assert not document_list().exists()
    with pytest.raises(NotFound):
        document_delete(document_id=document.id, actor=world.actor)


def test_bytes_that_another_document_refers_to_survive_a_deletion(world, django_capture_on_commit_callbacks):
    first, second = world.document("a.txt", "同じ"), world.document("b.txt", "同じ")
    with django_capture_on_commit_callbacks(execute=True):
        document_delete(document_id=first.id, actor=world.actor)
    assert blob_of(second).exists()
    with django_capture_on_commit_callbacks(execute=True):
        document_delete(document_id=second.id, actor=world.actor)
    assert not blob_of(second).exists()


def test_the_text_of_a_document_deleted_while_it_was_read_is_not_kept(world):
    document = world.upload()
    job = begin(document.current_revision.job)
    revision = document.current_revision
    result = ingest_result(job, revision, RESULT, {"pages.jsonl": "{}\n"})
    document_delete(document_id=document.id, actor=world.actor)
    Job.objects.filter(pk=job.id).update(result=result)
    move_by_sql(job, "cancelled")
    produced_finalize(Job.objects.get(pk=job.id))
    assert not pages_folder(document.current_revision).exists()
    assert Revision.objects.get(document=document).state == RevisionState.UPLOADED


def test_a_document_whose_reading_has_just_ended_can_be_deleted(world):
    """Its job has ended, so it cannot be cancelled; that is no error."""
    from jobs.services import job_succeeded

    document = world.upload()
    job = begin(document.current_revision.job)
    assert job_succeeded(job=job, result={})
    document_delete(document_id=document.id, actor=world.actor)
    assert not document_list().exists()


def test_an_upload_that_is_refused_leaves_no_bytes(world, settings, storage):
    settings.KOSHA_MAX_UPLOAD_BYTES = 3
    with pytest.raises(TooLarge) as refused:
        world.upload(text="four")
    assert refused.value.code == "file_too_large"
    with pytest.raises(InvalidRequest) as refused:
        world.upload(text="")
    assert refused.value.code == "empty_file"
    assert [path for path in storage.rglob("*") if path.is_file()] == []


def test_a_failure_after_the_bytes_came_leaves_none_of_them(world, storage, monkeypatch):
    def broken(organization_id: str, incoming: Incoming) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services, "blob_keep", broken)
    with pytest.raises(OSError, match="disk full"):
        world.upload()
    assert [path for path in storage.rglob("*") if path.is_file()] == []
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\社内\\規程.txt", "社内/規程.txt"),
        ("/etc/passwd", "etc/passwd"),
        ("./総務//規程.txt", "総務/規程.txt"),
        ("総務 / 規程.txt", "総務/規程.txt"),
        ("..規程.txt", "..規程.txt"),
        ("あ" * 255, "あ" * 255),
        ("か\u3099.txt", "が.txt"),
        (" 規程.txt ", "規程.txt"),
    ],
)
def test_a_name_keeps_its_folders_and_has_composed_characters(given, kept):
    assert clean_name(given) == kept


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "..",
        ".",
        "/",
        "a\x00b",
        "a\nb",
        "\ud800",
        "報告\u202efdp.exe",
        "あ" * 256,
        "../../規程.txt",
        "総務/..",
        "総務\\..\\規程.txt",
        "部/" * 250 + "a",
    ],
)
def test_refuses_an_unprintable_name(name):
    with pytest.raises(InvalidRequest) as refused:
        clean_name(name)
    assert (refused.value.code, refused.value.param) == ("invalid_file_name", "file")
