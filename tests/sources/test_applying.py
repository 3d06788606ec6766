"""What a sync finds becomes documents, whatever interrupts it."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.errors import Conflict
from common.storage import artifact_path
from common.tenancy import organization_scope
from documents.models import Document
from documents.services import document_delete
from sources import applying
from sources.applying import sources_advance
from sources.models import SourceFile, Sync
from sources.places import FolderPlace
from sources.selectors import SYNCS, source_list
from sources.services import source_create, source_delete, source_update, start_if_due, sync_start
from workers.contract.listing import FILES_FOLDER

FILES = {f"{number}.txt": str(number) for number in range(20)}


def counts(sync: Sync) -> tuple[int, ...]:
    return (sync.new, sync.changed, sync.removed, sync.unchanged, sync.refused)


def test_new_changed_removed_and_unchanged_files(share, world):
    share.write({"a.txt": "a", "b.txt": "b", "規程/c.txt": "c"})
    assert counts(share.sync()) == (3, 0, 0, 0, 0)
    assert share.documents() == {"a.txt": 1, "b.txt": 1, "規程/c.txt": 1}
    uploaded = AuditEvent.objects.filter(action="document.uploaded")
    assert {event.actor_id for event in uploaded} == {world.actor.id}
    share.write({"a.txt": "A", "d.txt": "d"})
    share.remove("b.txt")
    assert counts(share.sync()) == (1, 1, 1, 1, 0)
    assert share.documents() == {"a.txt": 2, "規程/c.txt": 1, "d.txt": 1}
    sync = share.sync()
    assert counts(sync) == (0, 0, 0, 3, 0)
    # Nothing of a sync stays on the disk.
    assert not artifact_path(sync.organization_id, SYNCS, sync.id).exists()
    assert not list(world_folder(sync).glob("known/*"))


def world_folder(sync: Sync):
    return artifact_path(sync.organization_id, SYNCS, sync.id).parents[1]


def test_what_a_person_deletes_stays_away_until_its_file_changes(share, world):
    share.write({"a.txt": "a"})
    share.sync()
    document_delete(document_id=Document.objects.get().id, actor=world.actor)
    share.sync()
    assert share.documents() == {}
    share.write({"a.txt": "A"})
    share.sync()
    assert share.documents() == {"a.txt": 1}


def test_a_file_that_cannot_be_a_document_is_told_and_stops_nothing(share, world):
    mine = world.upload("総務/a.txt", "自分の")
    share.write({"a.txt": "a", "b.txt": "b"})
    sync = share.sync()
    assert counts(sync) == (1, 0, 0, 0, 1)
    assert sync.warnings == ["files_not_taken:1:a.txt (name_taken)"]
    assert share.documents() == {"a.txt": 1, "b.txt": 1} and mine.current_revision.number == 1
    # It is not fetched again before it changes.
    assert counts(share.sync()) == (0, 0, 0, 2, 0)


@pytest.mark.parametrize("left", [9, 0], ids=["most of many", "all of few"])
def test_most_documents_go_only_when_somebody_says_so(share, left):
    files = FILES if left else {"a.txt": "a"}
    share.write(files)
    share.sync()
    share.remove(*list(files)[left:])
    gone = len(files) - left
    assert counts(share.sync())[2] == 0
    assert len(share.documents()) == len(files) and share.source.removals_waiting == gone
    # Others are taken meanwhile.
    share.write({"z.txt": "z"})
    assert counts(share.sync())[:3] == (1, 0, 0 if left else 1)
    if left:
        assert counts(share.sync(removes_all=True))[2] == gone
    assert len(share.documents()) == left + 1 and share.source.removals_waiting == 0


def test_a_failed_sync_deletes_nothing(share, world):
    share.write({"a.txt": "a"})
    share.sync()
    share.folder.rename(share.folder.with_name("elsewhere"))
    sync = share.sync()
    assert (sync.state, sync.error_code) == ("failed", "sync.user.folder_missing")
    assert share.documents() == {"a.txt": 1}
    page = world.browser().get(share.source.get_absolute_url()).content.decode()
    assert "The folder does not exist, or is not mounted. No document was deleted." in page


def test_a_large_sync_is_continued_at_once(share, monkeypatch):
    monkeypatch.setattr("sources.services.BATCH_FILES", 3)
    share.write({f"{number}.txt": str(number) for number in range(7)})
    lefts = []
    while share.source.syncs.filter(state="building").exists():
        lefts.append(share.sync().left)
    # The first was submitted before the limit was lowered for it.
    assert len(share.documents()) == 7 and lefts[-1] == 0


def test_an_interruption_loses_nothing(share, monkeypatch):
    """The death of a worker after each number of files; every count is right at the end."""
    share.write({f"{number}.txt": str(number) for number in range(4)})
    sync = share.sync(advance=False)
    take = applying.file_take
    for _ in range(3):
        calls = iter([take])

        def once(calls=calls, **file):
            real = next(calls, None)
            if real is None:
                raise KeyboardInterrupt
            return real(**file)

        monkeypatch.setattr(applying, "file_take", once)
        with pytest.raises(KeyboardInterrupt):
            sources_advance()
    monkeypatch.setattr(applying, "file_take", take)
    sources_advance()
    sync.refresh_from_db()
    assert counts(sync) == (4, 0, 0, 0, 0) and share.documents() == {f"{n}.txt": 1 for n in range(4)}


def test_files_that_were_lost_are_fetched_again(share):
    """As after a restore: a backup does not hold what a sync has fetched."""
    share.write({"a.txt": "a"})
    sync = share.sync(advance=False)
    for file in (artifact_path(sync.organization_id, SYNCS, sync.id) / FILES_FOLDER).iterdir():
        file.unlink()
    sources_advance()
    assert share.documents() == {}
    share.sync()
    assert share.documents() == {"a.txt": 1}


@pytest.mark.parametrize("along", [True, False])
def test_a_deleted_source_takes_its_documents_along_or_leaves_them(share, world, along):
    share.write({"a.txt": "a"})
    share.sync()
    source_delete(source=share.source, takes_documents_along=along, actor=world.actor)
    sources_advance()
    assert share.documents() == ({} if along else {"a.txt": 1})
    assert not SourceFile.objects.exists() and not source_list().exists()


def test_a_source_deleted_meanwhile_gets_no_document(share, world):
    share.write({"a.txt": "a"})
    share.sync(advance=False)
    source_delete(source=share.source, takes_documents_along=True, actor=world.actor)
    sources_advance()
    assert share.documents() == {}


def test_syncs_start_when_they_are_due_and_one_at_a_time(share, world):
    with pytest.raises(Conflict, match="sync_in_progress"):
        sync_start(source=share.source, actor=world.actor)
    share.sync()
    start_if_due(share.source.id)
    assert share.source.syncs.count() == 1
    type(share.source).objects.update(next_sync_at=share.source.created_at)
    with organization_scope(share.source.organization_id):
        sources_advance()
        sources_advance()
    assert share.source.syncs.count() == 2
    source_update(source=share.source, interval_minutes=0, actor=world.actor)
    share.source.refresh_from_db()
    assert share.source.next_sync_at is None


def test_a_folder_is_only_what_the_operator_has_allowed(share, world, settings):
    for name in ("..", "/etc", "other"):
        with pytest.raises(Exception) as refused:
            source_create(
                name="x", place=FolderPlace(folder=name), secret="", interval_minutes=0, actor=world.actor
            )
        assert refused.value.code == "folder_not_allowed"
    share.sync()
    settings.KOSHA_WATCHED_FOLDERS = {"another": {"somu": share.folder}}
    with pytest.raises(Exception) as refused:
        sync_start(source=share.source, actor=world.actor)
    assert refused.value.code == "folder_not_allowed"
