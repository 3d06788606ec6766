"""A folder is compared with what was taken from it before, by marks and by hash; nothing outside it is read."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from workers.contract.listing import FILES_FOLDER
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.contract.specs.sync import CHANGES_FILE, Change, FolderOrigin, KnownFile, SyncResult, SyncSpec
from workers.engines.shared.runtime import Run, RunStopped, UserError
from workers.engines.sync.engine import sync

LONG_AGO = time.time() - 3600


class Syncing:
    """Syncs a folder again and again, each time with what the earlier ones have taken."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "share"
        self.folder.mkdir()
        self.known: dict[str, KnownFile] = {}
        self.count = 0

    def write(self, name: str, content: str, at: float = LONG_AGO) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        os.utime(path, (at, at))
        return path

    def run(self, stop: bool = False, **limits: Any) -> tuple[SyncResult, dict[str, str]]:
        """The result, and of each file what has become of it: its text where it was fetched."""
        self.count += 1
        known = self.place / "known.jsonl"
        known.write_text("".join(each.model_dump_json() + "\n" for each in self.known.values()))
        config = RunConfig(
            job_id="j", kind="sync", fence=1, attempt=1, run_dir=self.place / str(self.count), spec={}
        )
        run = Run(config)
        if stop:
            run.request_stop()
        given = {
            "endings": (".txt", ".docx"),
            "max_file_bytes": 100,
            "max_bytes": 10_000,
            "max_files": 100,
        } | limits
        spec = SyncSpec(
            source_id="src", sync_id="s", origin=FolderOrigin(path=self.folder), known=known, **given
        )
        result = sync(run, spec)
        run.finish(RunResult(status=RunStatus.SUCCEEDED))
        return result, self.take(run.output_dir)

    def take(self, output: Path) -> dict[str, str]:
        found = {}
        for line in (output / CHANGES_FILE).read_text(encoding="utf-8").splitlines():
            change = Change.model_validate(json.loads(line))
            stored = output / FILES_FOLDER / change.stored
            found[change.name] = stored.read_text(encoding="utf-8") if change.stored else change.type
            self.known.pop(change.name, None)
            if change.type != "removed":
                self.known[change.name] = KnownFile(name=change.name, mark=change.mark, sha256=change.sha256)
        return found


@pytest.fixture
def syncing(tmp_path, monkeypatch) -> Syncing:
    # What was written just now counts as settled.
    monkeypatch.setattr("workers.engines.sync.folder.UNSETTLED_SECONDS", -1)
    return Syncing(tmp_path)


def counts(result: SyncResult) -> tuple[int, ...]:
    return (result.new, result.changed, result.removed, result.unchanged, result.left)


def test_new_changed_removed_and_unchanged_files(syncing):
    syncing.write("総務/規程.txt", "第1条")
    syncing.write("a.txt", "a")
    syncing.write("b.txt", "b")
    result, found = syncing.run()
    assert found == {"総務/規程.txt": "第1条", "a.txt": "a", "b.txt": "b"} and counts(result) == (
        3,
        0,
        0,
        0,
        0,
    )
    result, found = syncing.run()
    assert found == {} and counts(result) == (0, 0, 0, 3, 0) and result.fetched_bytes == 0
    # The same bytes, written again; other bytes of the same size and time; one that is gone.
    syncing.write("総務/規程.txt", "第1条", time.time())
    syncing.write("a.txt", "A")
    (syncing.folder / "b.txt").unlink()
    result, found = syncing.run()
    assert found == {"総務/規程.txt": "same", "a.txt": "A", "b.txt": "removed"}
    assert counts(result) == (0, 1, 1, 1, 0)


def test_what_is_not_taken_is_told_and_leads_nowhere(syncing, tmp_path):
    (tmp_path / "secret.txt").write_text("秘密")
    syncing.write("a.txt", "a")
    (syncing.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (syncing.folder / "folder").symlink_to(tmp_path)
    os.mkfifo(syncing.folder / "pipe.txt")
    for name, content in {
        "b.exe": "b",
        "~$a.docx": "c",
        ".git/d.txt": "d",
        "e.txt": "e" * 101,
        "f.txt": "",
    }.items():
        syncing.write(name, content)
    (syncing.folder / os.fsdecode("規程.txt".encode("cp932"))).write_text("x")
    result, found = syncing.run()
    assert found == {"a.txt": "a"}
    assert {warning.split(":")[0]: warning.split(":")[1] for warning in result.warnings} == {
        "links_skipped": "2",
        "other_types_skipped": "1",
        "debris_skipped": "2",
        "large_files_skipped": "1",
        "empty_files_skipped": "1",
        "names_not_readable": "1",
    }


def test_a_file_that_is_not_taken_any_more_is_not_gone(syncing):
    syncing.write("a.txt", "a")
    syncing.run()
    syncing.write("a.txt", "a" * 101)
    assert syncing.run()[1] == {}


def test_a_sync_fetches_so_much_and_leaves_the_rest_to_the_next(syncing):
    for number in range(5):
        syncing.write(f"{number}.txt", str(number))
    lefts = [syncing.run(max_files=2)[0].left for _ in range(3)]
    assert lefts == [3, 1, 0] and len(syncing.known) == 5


def test_a_file_may_change_again_within_the_clocks_tick(tmp_path):
    syncing = Syncing(tmp_path)
    syncing.write("a.txt", "a", time.time())
    syncing.run()
    assert [each.mark for each in syncing.known.values()] == [""]


def test_a_folder_that_cannot_be_listed_removes_nothing(syncing):
    syncing.write("a.txt", "a")
    syncing.run()
    syncing.folder.rename(syncing.place / "elsewhere")
    with pytest.raises(UserError) as refused:
        syncing.run()
    assert refused.value.code == "user.folder_missing"


def test_a_sync_can_be_stopped(syncing):
    syncing.write("a.txt", "a")
    with pytest.raises(RunStopped):
        syncing.run(stop=True)
