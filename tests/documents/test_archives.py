"""A ZIP archive becomes documents, follows its next revision, and is deleted with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest

from audit.models import AuditEvent
from common.errors import Conflict
from documents import archives
from documents.archives import archive_prune, archives_advance, contents_of, removals_waiting
from documents.models import Document, Revision, RevisionState
from documents.selectors import company_documents, document_get, document_list, pages_folder, ready_documents
from documents.services import document_delete
from tests.world import fail
from workers.contract.listing import FILES_FOLDER, LISTING_FILE, ListedFile, stored_name
from workers.contract.media_types import ZIP

OTHERS = {f"{number}.txt": "古い。" for number in range(20)}


@pytest.fixture
def upload(world):
    """Upload an archive under one name; its files are as the engine leaves them."""

    def upload(files: Mapping[str, str], name: str = "資料.zip", *, advance: bool = True) -> Document:
        content = repr(files)
        document = world.upload(name, content)
        listed = [
            ListedFile(
                name=each,
                size=len(text.encode()),
                sha256=hashlib.sha256(text.encode()).hexdigest(),
                stored=stored_name(number),
            )
            for number, (each, text) in enumerate(files.items(), 1)
        ]
        packed = {f"{FILES_FOLDER}/{one.stored}": files[one.name] for one in listed}
        listing = "".join(one.model_dump_json() + "\n" for one in listed)
        world.read(document, "", media_type=ZIP, files=len(files), more={LISTING_FILE: listing, **packed})
        if advance:
            archives_advance()
        return document_get(document.id)

    return upload


def held(archive: Document) -> dict[str, str]:
    found = contents_of(archive).order_by("name")
    return {each.name: each.current_revision.sha256[:4] for each in found}


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def test_its_files_become_documents_of_its_uploader(upload, world):
    archive = upload({"総務/規程.txt": "第1条", "話.jsonl": "{}", "空.txt": "", "a\u202eb.txt": "x"})
    assert held(archive) == {"資料.zip/総務/規程.txt": short("第1条"), "資料.zip/話.jsonl": short("{}")}
    assert {each.purpose for each in contents_of(archive)} == {"user_data", "fine-tune"}
    uploaded = AuditEvent.objects.filter(action="document.uploaded")
    assert {event.actor_id for event in uploaded} == {world.actor.id} and len(uploaded) == 3
    revision = archive.current_revision
    assert revision.warnings == ["files_not_taken:2:空.txt (empty_file), a\u202eb.txt (invalid_file_name)"]
    assert revision.unpacked_at and not (pages_folder(revision) / FILES_FOLDER).exists()
    # It has no text of its own for datasets and knowledge bases.
    for document in contents_of(archive):
        world.read(document)
    assert {each.name for each in ready_documents()} == {"資料.zip/総務/規程.txt"}
    assert archive not in company_documents()


def test_its_next_revision_is_synchronized(upload):
    upload({"同.txt": "同じ", "新.txt": "前", "去.txt": "去る"})
    revisions = Revision.objects.count()
    archive = upload({"同.txt": "同じ", "新.txt": "後", "来.txt": "来る"})
    assert held(archive) == {
        "資料.zip/同.txt": short("同じ"),
        "資料.zip/新.txt": short("後"),
        "資料.zip/来.txt": short("来る"),
    }
    # Its own, and those of two files.
    assert Revision.objects.count() == revisions + 3


def test_a_file_that_could_not_be_read_is_tried_again(upload, world):
    archive = upload({"a.txt": "a", "b.txt": "b"})
    document = contents_of(archive).get(name="資料.zip/a.txt")
    fail(world.queued(document).current_revision.job, "ingest.user.encrypted")
    assert document_get(document.id).current_revision.state == RevisionState.FAILED
    upload({"a.txt": "a", "b.txt": "c"})
    assert document_get(document.id).current_revision.number == 2


def test_most_documents_go_only_when_somebody_says_so(upload, world):
    upload(OTHERS)
    archive = upload({"0.txt": "新しい。"})
    assert len(held(archive)) == 20 and removals_waiting(archive.current_revision) == 19
    assert archive_prune(archive=archive, actor=world.actor) == 19
    assert held(archive) == {"資料.zip/0.txt": short("新しい。")}
    with pytest.raises(Conflict, match="waits"):
        archive_prune(archive=document_get(archive.id), actor=world.actor)


def test_its_documents_are_deleted_with_it(upload, world):
    archive = upload({"a.txt": "a"})
    other = world.upload("別.txt")
    document_delete(document_id=archive.id, actor=world.actor)
    # Another of its name comes before the first one's documents are gone.
    second = upload({"a.txt": "b"})
    assert held(archive) == {} and held(second) == {"資料.zip/a.txt": short("b")}
    assert set(document_list()) == {other, second, *contents_of(second)}


def test_a_document_of_the_same_name_is_not_taken_over(upload, world):
    mine = world.upload("資料.zip/a.txt", "自分の")
    archive = upload({"a.txt": "a"})
    assert archive.current_revision.warnings == ["files_not_taken:1:a.txt (name_taken)"]
    assert document_get(mine.id).current_revision.number == 1 and held(archive) == {}


def test_an_interruption_loses_nothing(upload, monkeypatch):
    """Neither the end of a task's time nor the death of its worker, after each number of files."""
    files = {f"{number}.txt": str(number) for number in range(4)}
    upload(files, advance=False)
    taken = archives.file_take
    for _ in range(3):
        calls = iter([taken])

        def once(calls=calls, **file):
            take = next(calls, None)
            if take is None:
                raise KeyboardInterrupt
            return take(**file)

        monkeypatch.setattr(archives, "file_take", once)
        with pytest.raises(KeyboardInterrupt):
            archives_advance()
    monkeypatch.setattr(archives, "file_take", taken)
    archives_advance()
    archive = Document.objects.get(name="資料.zip")
    assert len(held(archive)) == 4
    assert {each.current_revision.number for each in contents_of(archive)} == {1}


def test_a_newer_revision_ends_the_unpacking_of_the_older_one(upload):
    upload({"a.txt": "a"}, advance=False)
    archive = upload({"b.txt": "b"}, advance=False)
    archives_advance()
    assert held(archive) == {"資料.zip/b.txt": short("b")}


@pytest.mark.parametrize("damage", ["gone", "other"])
def test_files_that_were_lost_are_unpacked_again(upload, damage):
    """As after a restore, since a backup does not hold them, and after a power failure."""
    archive = upload({"a.txt": "a"}, advance=False)
    revision = archive.current_revision
    file = pages_folder(revision) / FILES_FOLDER / stored_name(1)
    file.unlink() if damage == "gone" else file.write_text("b")
    archives_advance()
    again = document_get(archive.id).current_revision
    assert (again.id, again.state) == (revision.id, RevisionState.UPLOADED)
    assert again.job_id != revision.job_id and not pages_folder(revision).exists()


def test_its_page_and_the_list_show_its_documents(upload, world, api):
    upload(OTHERS)
    archive = upload({"0.txt": "新しい。", "b\u202e.txt": "x"})
    browser = world.browser()
    assert "20 documents" in browser.get("/documents?q=資料.zip&sort=name").content.decode()
    page = browser.get(f"/documents/{archive.id}").content.decode()
    assert "資料.zip/0.txt" in page and "Its 20 documents are deleted with it" in page
    assert "b\u202e.txt (The name is too long or cannot be used)" in page
    answer = browser.post(f"/documents/{archive.id}/prune", follow=True).content.decode()
    assert "19 documents were deleted." in answer and "1 document" in answer
    (document,) = contents_of(archive)
    assert archive.get_absolute_url() in browser.get(document.get_absolute_url()).content.decode()

    listed = api.get("files", archive=archive.id).ok["data"]
    assert [(each["filename"], each["archive"]) for each in listed] == [("資料.zip/0.txt", archive.id)]
    assert api.get("files", archive="file-unknown").status == 404


def test_an_archive_gives_out_nothing_that_its_documents_do_not(upload, world, api, storage):
    """A document of it may be masked or erased, so its bytes do not stay."""
    archive = upload({"a.txt": "a"})
    assert api.get(f"files/{archive.id}/content").error == (409, "archive_not_kept", None)
    assert api.get(f"files/{archive.id}/pages").error == (409, "document_is_archive", "file_id")
    assert len(list(storage.glob("organizations/*/blobs/*/*"))) == 1
    contents_of(archive).update(is_masked=True)
    assert api.get(f"files/{archive.id}").ok["bytes"] is None
