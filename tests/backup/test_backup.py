"""A backup holds what the rows name, reports what is damaged, and is refused where it cannot be complete."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import connection

from audit.services import SYSTEM
from backup import archive, creation, databases
from backup.archive import BackupInfo
from backup.copying import Copier
from backup.creation import BackupRun
from backup.management.commands.backup import warning_of
from common.tenancy import every_organization, organization_scope
from documents.models import Document
from documents.selectors import pages_folder
from documents.services import document_delete, document_upload
from jobs.models import Job
from registry.models import BaseModel
from tests.backup.conftest import Place, interrupt, refusal
from tests.backup.world_on_disk import (
    blob_of,
    files_below,
    make_unreadable,
    register,
    revision_of,
    running_job,
    write_checkpoint,
)

pytestmark = pytest.mark.slow

DOCUMENT = "知識.txt"
NO_E5 = "models/e5: missing or changed"
"""The folder of the base model `e5` does not exist."""
WHEN_COPIED = "backup.creation.BackupRun._copy_secret_key"


def assert_whole(backup: Path, info: BackupInfo, *faults: str) -> None:
    assert sorted(info.faults) == sorted(faults)
    assert archive.verify(backup, archive.read_info(backup), print) == []


def upload(name: str, size: int) -> None:
    with every_organization("test"):
        organization_id = Document.objects.first().organization_id
    with organization_scope(organization_id):
        document_upload(name=name, purpose="user_data", chunks=[b"x" * size], media_type="", actor=SYSTEM)


def delete(document_name: str) -> None:
    revision = revision_of(document_name)
    with organization_scope(revision.organization_id):
        document_delete(document_id=revision.document_id, actor=SYSTEM)


def checkpoints_in(backup: Path, place: Place) -> list[str]:
    folder = backup / place.inside(running_job().run_dir) / "checkpoints"
    return sorted(path.parent.name for path in folder.glob("*/manifest.json"))


def included(info: BackupInfo) -> list[str]:
    return [model.name for model in info.models if model.included]


# -- what is in it ------------------------------------------------------------------------------
def test_holds_every_file_of_a_working_installation(place, tmp_path):
    backup, info = place.back_up(tmp_path / "b")
    assert_whole(backup, info)
    kept = files_below(backup / "storage")
    for name, content in files_below(place.var / "storage").items():
        if Path(name).name not in ("owner", "config.json", "result.json"):
            assert kept[name] == content
    assert backup.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()} == {0o600}


def test_key_from_the_environment_is_not_in_the_backup(place, tmp_path):
    env = place.env.model_copy(update={"secret_key": "e" * 40})
    backup, info = BackupRun(env, tmp_path / "b", progress=print).run()
    assert not (backup / "secret_key").exists()
    assert b"e" * 40 not in (backup / "backup.json").read_bytes()
    assert info.secret_key_fingerprint


# -- what an earlier backup has left ----------------------------------------------------------------
@pytest.mark.parametrize("earlier", ["complete", "interrupted"])
@pytest.mark.parametrize("state", ["whole", "changed", "unreadable", "removed"])
@pytest.mark.parametrize("what", ["document", "base model"])
def test_earlier_copy_is_shared_where_it_is_whole_and_else_made_again(
    place, tmp_path, monkeypatch, earlier, state, what
):
    model, folder = register(tmp_path / "gemma"), tmp_path / "b"
    if earlier == "complete":
        left, _info = place.back_up(folder, with_models=True)
    else:
        interrupt(place.back_up, folder, with_models=True, at=WHEN_COPIED)
        (left,) = folder.glob("*.partial")
        (left / "models/gemma/b.safetensors.tmp").write_bytes(b"half of a file that the model has no more")
    original = blob_of(DOCUMENT) if what == "document" else model / "a.safetensors"
    copy, other = left / place.inside(original), left / "models/gemma/config.json"
    # No other file gets the number of one that is linked here, too.
    inode, other_inode = copy.stat().st_ino, other.stat().st_ino
    os.link(copy, tmp_path / "linked")
    match state:
        case "changed":
            copy.write_bytes(b"x")
        case "unreadable":
            make_unreadable(
                monkeypatch, lambda path: path.exists() and path.stat().st_ino == inode, errno.EIO
            )
        case "removed":
            copy.unlink()
    backup, info = place.back_up(folder, with_models=True)
    shutil.rmtree(left, ignore_errors=True)
    assert_whole(backup, info, NO_E5)
    assert included(info) == ["gemma"]
    assert files_below(backup / "models/gemma") == files_below(model)
    assert (backup / place.inside(original)).read_bytes() == original.read_bytes()
    assert ((backup / place.inside(original)).stat().st_ino == inode) is (state == "whole")
    if what == "document" or state in ("whole", "removed"):
        assert (backup / "models/gemma/config.json").stat().st_ino == other_inode


def test_damaged_original_is_taken_from_the_backup_before(place, tmp_path):
    place.back_up(tmp_path / "b")
    original = blob_of(DOCUMENT)
    content = original.read_bytes()
    original.write_bytes(b"x" * len(content))
    second, info = place.back_up(tmp_path / "b")
    assert_whole(second, info)
    assert (second / place.inside(original)).read_bytes() == content


def test_changed_base_model_is_copied(place, tmp_path):
    register(tmp_path / "gemma")
    place.back_up(tmp_path / "b", with_models=True)
    register(tmp_path / "gemma2", **{"a.safetensors": b"b"})
    backup, _ = place.back_up(tmp_path / "b", with_models=True)
    assert (backup / "models/gemma/a.safetensors").read_bytes() == b"b"


# -- faults of the installation --------------------------------------------------------------------
class Damage(NamedTuple):
    of: Callable[[], Path]
    how: str | int
    """An errno, or 0: it opens, and reading fails."""
    reason: str = "unreadable"
    checkpoints: tuple[str, ...] = ("2", "4")


def document() -> Path:
    return blob_of(DOCUMENT)


def in_run(name: str) -> Callable[[], Path]:
    return lambda: running_job().run_dir / name


DAMAGES = {
    "missing original": Damage(document, "removed", "missing"),
    "damaged original": Damage(document, "changed", "damaged"),
    "original on a bad sector": Damage(document, 0),
    "original with EIO": Damage(document, errno.EIO),
    "original with EACCES": Damage(document, errno.EACCES),
    "manifest": Damage(lambda: pages_folder(revision_of(DOCUMENT)) / "manifest.json", 0),
    "manifest of a checkpoint": Damage(in_run("checkpoints/4/manifest.json"), 0, checkpoints=("2",)),
    "file of a checkpoint": Damage(in_run("checkpoints/4/state.bin"), 0, checkpoints=("2",)),
    "folder of checkpoints": Damage(in_run("checkpoints"), errno.EACCES, checkpoints=()),
    "log of a run": Damage(in_run("events.jsonl"), 0),
    "base model": Damage(lambda: Path(BaseModel.objects.get(name="gemma").path, "a.safetensors"), 0),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_reported_and_prevents_no_backup(place, tmp_path, monkeypatch, what):
    register(tmp_path / "gemma")
    damage = DAMAGES[what]
    path = damage.of()
    content = files_below(path.parent)
    match damage.how:
        case "removed":
            path.unlink()
        case "changed":
            path.write_bytes(b"x")
        case number:
            make_unreadable(monkeypatch, lambda broken: broken == path, number)
    backup, info = place.back_up(tmp_path / "b", with_models=True)
    copy = backup / place.inside(path)
    assert_whole(backup, info, f"{place.inside(path).removeprefix('storage/')}: {damage.reason}", NO_E5)
    assert checkpoints_in(backup, place) == list(damage.checkpoints)
    assert included(info) == ([] if what == "base model" else ["gemma"])
    assert ("Check the disk and the permissions" in warning_of(info)) is (damage.reason == "unreadable")
    if what == "manifest":
        # It is not known what belongs to the folder, so everything else in it is kept.
        assert files_below(copy.parent) == {name: content[name] for name in content if name != path.name}
    elif damage.reason == "unreadable":
        assert not list(copy.parent.glob("*" if what == "base model" else f"{path.name}*"))


# -- changes during a backup -------------------------------------------------------------------------
class Rounds:
    """Runs `before` and `after` each round of copying; `seen` are the rounds, and whether each was a last one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[bool] = []
        self.before = self.after = lambda copier: None
        self.monkeypatch = monkeypatch
        take = Copier.take_all

        def take_all(copier: Copier, *, is_last: bool) -> Any:
            self.seen.append(is_last)
            self.before(copier)
            faults = take(copier, is_last=is_last)
            self.after(copier)
            return faults

        monkeypatch.setattr(Copier, "take_all", take_all)


def document_deleted_between_the_rounds(rounds: Rounds) -> None:
    rounds.after = lambda copier: delete(DOCUMENT) if rounds.seen == [False] else None


def document_deleted_after_the_dump(rounds: Rounds) -> None:
    def delete_it(copier: Copier) -> None:
        if rounds.seen == [False, True]:
            delete(DOCUMENT)
            # As if the first round had not copied it.
            copier._catalog.forget_folder("storage")
            shutil.rmtree(copier._target / "storage")

    rounds.before = delete_it


def checkpoints_removed_after_the_dump(rounds: Rounds) -> None:
    folder = running_job().run_dir / "checkpoints"
    rounds.before = lambda copier: shutil.rmtree(folder, ignore_errors=True) if rounds.seen[-1] else None


def run_ended_before_the_dump(rounds: Rounds) -> None:
    checkpoints_removed_after_the_dump(rounds)

    def end(copier: Copier) -> None:
        with every_organization("test"):
            for state, following in (("running", "cancelling"), ("cancelling", "cancelled")):
                Job.objects.filter(kind="training", state=state).update(state=following)

    rounds.after = end


def checkpoint_deleted_after_its_manifest_was_read(rounds: Rounds) -> None:
    pruned, listed = running_job().run_dir / "checkpoints" / "2", Copier._listed

    def prune(copier: Copier, manifest: str) -> Any:
        found = listed(copier, manifest)
        if manifest.endswith("checkpoints/2/manifest.json"):
            shutil.rmtree(pruned, ignore_errors=True)
        return found

    rounds.monkeypatch.setattr(Copier, "_listed", prune)


def checkpoint_deleted_over_nfs(rounds: Rounds) -> None:
    pruned = running_job().run_dir / "checkpoints" / "2"

    def is_removed(path: Path) -> bool:
        if path == pruned / "state.bin":
            shutil.rmtree(pruned)
        return path == pruned / "state.bin"

    make_unreadable(rounds.monkeypatch, is_removed, errno.ESTALE)


def later_attempt_began_after_the_dump(rounds: Rounds) -> None:
    write_checkpoint(running_job().run_dir.parent / "2", 6)


@pytest.mark.parametrize(
    ("change", "seen", "has_document", "checkpoints"),
    [
        (document_deleted_between_the_rounds, [False, True], False, ["2", "4"]),
        (document_deleted_after_the_dump, [False, True, True], False, ["2", "4"]),
        # The run continues in the dump, and needs a checkpoint there.
        (checkpoints_removed_after_the_dump, [False, True], True, ["2", "4"]),
        (run_ended_before_the_dump, [False, True], True, []),
        (checkpoint_deleted_after_its_manifest_was_read, [False, True], True, ["4"]),
        (checkpoint_deleted_over_nfs, [False, True], True, ["4"]),
        (later_attempt_began_after_the_dump, [False, True], True, ["2", "4"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_backup_of_a_changing_installation_holds_what_its_dump_names(
    place, tmp_path, monkeypatch, change, seen, has_document, checkpoints
):
    run, blob, rounds = running_job().run_dir, blob_of(DOCUMENT), Rounds(monkeypatch)
    change(rounds)
    backup, info = place.back_up(tmp_path / "b")
    assert rounds.seen == seen
    assert_whole(backup, info)
    assert (backup / place.inside(blob)).exists() is has_document
    steps = (backup / place.inside(run)).glob("checkpoints/*/manifest.json")
    assert sorted(path.parent.name for path in steps) == checkpoints
    assert [path.name for path in (backup / place.inside(run.parent)).iterdir()] == ["1"]


def test_newest_checkpoints_are_copied_first(place, tmp_path, monkeypatch):
    """The run deletes the oldest meanwhile, and is faster than the copy."""
    job = running_job()
    shutil.rmtree(job.run_dir / "checkpoints")
    steps = [9, 10, 100]
    for step in steps:
        write_checkpoint(job.run_dir, step)
    take, taken = Copier._take_checkpoint, []

    def train(copier, folder):
        shutil.rmtree(job.run_dir / "checkpoints" / str(steps.pop(0)))
        steps.append(steps[-1] + 1)
        write_checkpoint(job.run_dir, steps[-1])
        taken.append(int(Path(folder).name))
        return take(copier, folder)

    monkeypatch.setattr(Copier, "_take_checkpoint", train)
    backup, info = place.back_up(tmp_path / "b")
    assert taken == [100, 10, 9, 103, 102, 101]
    assert checkpoints_in(backup, place) == ["100", "103"]
    assert_whole(backup, info)


# -- refusals -----------------------------------------------------------------------------------
class Trouble(NamedTuple):
    """Makes trouble by `patch`, or until `over` is closed."""

    place: Place
    folder: Path
    patch: pytest.MonkeyPatch
    over: ExitStack


def lose_database(trouble: Trouble) -> None:
    def lose(target: Path, snapshot: str) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        databases.applied_migrations()

    trouble.patch.setattr(databases, "dump", lose)
    trouble.over.callback(connection.close)


def fill_disk_meanwhile(trouble: Trouble) -> None:
    """A write beyond this size fails, as on a full disk."""
    upload("大.txt", 400_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    trouble.over.callback(resource.setrlimit, resource.RLIMIT_FSIZE, limits)


def leave_free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The disk has so many bytes left; the database needs none."""
    monkeypatch.setattr(creation, "SPARE_BYTES", 0)
    monkeypatch.setattr(databases, "database_bytes", lambda: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, size))


TROUBLES: dict[str, Callable[[Trouble], object]] = {
    "secret_key_unreadable": lambda trouble: make_unreadable(
        trouble.patch, lambda path: path == trouble.place.var / "secret_key"
    ),
    "backup_database_outdated": lambda trouble: trouble.patch.setattr(
        archive, "known_migrations", lambda: {"jobs.9999_of_the_future"}
    ),
    "database_lost": lose_database,
    "backup_already_running": lambda trouble: trouble.over.enter_context(
        creation._one_at_a_time(trouble.folder)
    ),
    "backup_disk_too_small": lambda trouble: leave_free(trouble.patch, 10),
    "backup_disk_failed": fill_disk_meanwhile,
}


@pytest.mark.parametrize("code", TROUBLES)
def test_trouble_is_refused_leaves_no_backup_and_the_next_one_is_whole(place, tmp_path, code):
    folder = tmp_path / "b"
    with pytest.MonkeyPatch.context() as patch, ExitStack() as over:
        TROUBLES[code](Trouble(place, folder, patch, over))
        assert refusal(place.back_up, folder) == code
        assert archive.complete_backups(folder) == []
    backup, info = place.back_up(folder)
    assert_whole(backup, info)
    assert archive.find_backup(folder) == backup


def test_folder_inside_the_storage_is_refused(place):
    assert refusal(place.back_up, place.var / "storage" / "b") == "backup_inside_storage"


# -- space --------------------------------------------------------------------------------------
@pytest.mark.parametrize("with_models", [False, True], ids=["storage", "base models"])
def test_only_what_is_not_copied_yet_needs_space(place, tmp_path, monkeypatch, settings, with_models):
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    if with_models:
        register(tmp_path / "gemma", **{"a.safetensors": b"a" * 3_000_000})
    else:
        upload("大.txt", 3_000_000)
        write_checkpoint(running_job().run_dir, 6, "w" * 3_000_000)
    leave_free(monkeypatch, 1_000_000)
    assert refusal(place.back_up, tmp_path / "a", with_models=with_models) == "backup_disk_too_small"
    assert not list((tmp_path / "a").rglob("storage"))
    if with_models:
        place.back_up(tmp_path / "a")
    with monkeypatch.context() as meanwhile:
        leave_free(meanwhile, 10_000_000)
        interrupt(place.back_up, tmp_path / "b", with_models=with_models, at=WHEN_COPIED)
    # First the copies lie here already, then base models lie in the backup before.
    for _again in range(2 if with_models else 1):
        backup, info = place.back_up(tmp_path / "b", with_models=with_models)
        assert_whole(backup, info, *([NO_E5] if with_models else []))


def test_floor_of_the_installations_own_disk_stays_free(place, tmp_path, monkeypatch, settings):
    settings.KOSHA_DISK_FLOOR_BYTES = 10**10
    leave_free(monkeypatch, 10**9)
    assert refusal(place.back_up, tmp_path / "b") == "backup_disk_too_small"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        assert Path(memory).stat().st_dev != place.var.stat().st_dev
        place.back_up(Path(memory) / "b")
