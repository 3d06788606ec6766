"""A backup holds what the rows name, reports what is damaged, and is refused where it cannot be complete."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from audit.services import SYSTEM
from backup import archive, copying, creation, databases
from backup.archive import BackupInfo
from backup.creation import BackupRun
from backup.errors import BackupError
from backup.management.commands.backup import warning_of
from common.storage import blob_path
from common.tenancy import every_organization, organization_scope
from documents.models import Document, Revision
from documents.selectors import pages_folder
from documents.services import document_delete, document_upload
from jobs.models import Job
from registry.models import BaseModel
from tests.backup.conftest import Place
from tests.backup.world_on_disk import write_checkpoint
from workers.contract.model_folder import model_folder_digest

pytestmark = pytest.mark.slow

NO_E5 = ("models/e5: missing or changed",)
"""The folder of the base model `e5` does not exist."""
WHOSE = ["the backup before", "an interrupted backup"]


def refusal(call, *arguments, **options) -> str:
    """The code of the BackupError that `call` raises."""
    with pytest.raises(BackupError) as refused:
        call(*arguments, **options)
    assert len(refused.value.sentence) > 20
    return refused.value.code


def assert_whole(backup: Path, info: BackupInfo, faults: tuple[str, ...] = ()) -> None:
    assert info.faults == list(faults)
    assert archive.verify(backup, archive.read_info(backup), print) == []


def files_below(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def revision_of(name: str) -> Revision:
    with every_organization("test"):
        return Revision.objects.get(document__name=name)


def first_blob() -> Path:
    with every_organization("test"):
        revision = Revision.objects.order_by("id").first()
    return blob_path(revision.organization_id, revision.sha256)


def upload(name: str, size: int) -> None:
    with every_organization("test"):
        organization_id = Document.objects.first().organization_id
    with organization_scope(organization_id):
        document_upload(name=name, purpose="user_data", chunks=[b"x" * size], media_type="", actor=SYSTEM)


def delete(document_name: str) -> None:
    document = revision_of(document_name).document_id
    with organization_scope(revision_of(document_name).organization_id):
        document_delete(document_id=document, actor=SYSTEM)


def running_job() -> Job:
    with every_organization("test"):
        return Job.objects.get(kind="training", state="running")


def stored(place: Place, path: Path) -> str:
    return path.relative_to(place.var / "storage").as_posix()


def checkpoints_in(backup: Path, place: Place) -> list[str]:
    folder = backup / "storage" / stored(place, running_job().run_dir) / "checkpoints"
    return sorted(path.parent.name for path in folder.glob("*/manifest.json"))


def interrupt(place: Place, folder: Path, **options: Any) -> Path:
    """What a backup leaves that is killed when everything is copied."""

    def kill(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BackupRun, "_copy_secret_key", kill)
        with pytest.raises(KeyboardInterrupt):
            place.back_up(folder, **options)
    return next(folder.glob("*.partial"))


def earlier(whose: str, place: Place, folder: Path, **options: Any) -> Path:
    if whose == WHOSE[0]:
        return place.back_up(folder, **options)[0]
    return interrupt(place, folder, **options)


def register(folder: Path, **files: bytes) -> Path:
    """Make `folder` the base model `gemma`."""
    folder.mkdir(parents=True)
    for file, content in {"config.json": b"{}", "a.safetensors": b"a", **files}.items():
        (folder / file).write_bytes(content)
    BaseModel.objects.filter(name="gemma").update(path=str(folder), digest=model_folder_digest(folder))
    return folder


def included(info: BackupInfo) -> list[str]:
    return [model.name for model in info.models if model.included]


def hold(path: Path, tmp_path: Path) -> int:
    """The file's inode, which no other file gets after this one was removed."""
    os.link(path, tmp_path / "held")
    return path.stat().st_ino


class Broken(io.RawIOBase):
    """A file on a bad sector: it opens, and reading fails."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def break_file(monkeypatch: pytest.MonkeyPatch, is_broken: Callable[[Path], bool], how: int = 0) -> None:
    """These files cannot be read: opening fails with the errno `how`; where it is 0, reading fails."""

    def opened(path: Any, *arguments: Any) -> Any:
        if not is_broken(Path(path)):
            return open(path, *arguments)
        if how:
            raise OSError(how, os.strerror(how), str(path))
        return Broken()

    monkeypatch.setattr(copying, "open", opened, raising=False)


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
    with place.here():
        env = place.env.model_copy(update={"secret_key": "e" * 40})
        backup, info = BackupRun(env, tmp_path / "b", progress=print).run()
    assert not (backup / "secret_key").exists()
    assert b"e" * 40 not in (backup / "backup.json").read_bytes()
    assert info.secret_key_fingerprint


def test_second_backup_shares_unchanged_files(place, tmp_path):
    register(tmp_path / "gemma")
    first, _ = place.back_up(tmp_path / "b", with_models=True)
    second, info = place.back_up(tmp_path / "b", with_models=True)
    blob = f"storage/{stored(place, first_blob())}"
    for inside in (blob, "models/gemma/config.json", "models/gemma/a.safetensors"):
        assert (first / inside).stat().st_ino == (second / inside).stat().st_ino
    shutil.rmtree(first)
    assert_whole(second, info, NO_E5)


def test_damaged_original_is_taken_from_the_backup_before(place, tmp_path):
    place.back_up(tmp_path / "b")
    content = first_blob().read_bytes()
    first_blob().write_bytes(b"x" * len(content))
    second, info = place.back_up(tmp_path / "b")
    assert_whole(second, info)
    assert (second / "storage" / stored(place, first_blob())).read_bytes() == content


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("damage", ["changed", "unreadable"])
@pytest.mark.parametrize("what", ["document", "base model"])
def test_damaged_copy_is_made_again(place, tmp_path, monkeypatch, whose, damage, what):
    model = register(tmp_path / "gemma")
    left = earlier(whose, place, tmp_path / "b", with_models=True)
    document = f"storage/{stored(place, first_blob())}"
    copy = left / (document if what == "document" else "models/gemma/a.safetensors")
    inode = hold(copy, tmp_path)
    if damage == "changed":
        copy.write_bytes(b"x")
    else:
        break_file(monkeypatch, lambda path: path.exists() and path.stat().st_ino == inode)
    backup, info = place.back_up(tmp_path / "b", with_models=True)
    assert_whole(backup, info, NO_E5)
    assert included(info) == ["gemma"]
    assert files_below(backup / "models/gemma") == files_below(model)


# -- faults of the installation --------------------------------------------------------------------
def in_run(name: str) -> Callable[[], Path]:
    return lambda: running_job().run_dir / name


def pages_manifest() -> Path:
    return pages_folder(revision_of("知識.txt")) / "manifest.json"


FAULTY = {
    "missing original": (first_blob, "removed", "missing"),
    "damaged original": (first_blob, "changed", "damaged"),
    "original on a bad sector": (first_blob, 0, "unreadable"),
    "original with EIO": (first_blob, errno.EIO, "unreadable"),
    "original with EACCES": (first_blob, errno.EACCES, "unreadable"),
    "manifest": (pages_manifest, 0, "unreadable"),
    "manifest of a checkpoint": (in_run("checkpoints/4/manifest.json"), 0, "unreadable"),
    "file of a checkpoint": (in_run("checkpoints/4/state.bin"), 0, "unreadable"),
    "log of a run": (in_run("events.jsonl"), 0, "unreadable"),
}


@pytest.mark.parametrize("what", FAULTY)
def test_fault_is_reported_and_prevents_no_backup(place, tmp_path, monkeypatch, what):
    file, how, reason = FAULTY[what]
    path = file()
    content = files_below(path.parent)
    match how:
        case "removed":
            path.unlink()
        case "changed":
            path.write_bytes(b"x")
        case _:
            break_file(monkeypatch, lambda broken: broken == path, how)
    backup, info = place.back_up(tmp_path / "b")
    inside = stored(place, path)
    assert_whole(backup, info, (f"{inside}: {reason}",))
    assert checkpoints_in(backup, place) == (["2"] if "checkpoint" in what else ["2", "4"])
    assert ("Check the disk and the permissions" in warning_of(info)) is (reason == "unreadable")
    if what == "manifest":
        # It is not known what belongs to the folder, so everything else in it is kept.
        assert files_below((backup / "storage" / inside).parent) == {
            name: content[name] for name in content if name != path.name
        }
    elif reason == "unreadable":
        assert not list((backup / "storage" / inside).parent.glob(f"{path.name}*"))


def test_unreadable_folder_of_a_run_is_reported(place, tmp_path, monkeypatch):
    folder, listed = running_job().run_dir / "checkpoints", Path.iterdir

    def iterdir(path):
        if path == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    _backup, info = place.back_up(tmp_path / "b")
    assert info.faults == [f"{stored(place, folder)}: unreadable"]


def test_unreadable_base_model_is_reported(place, tmp_path, monkeypatch):
    folder = register(tmp_path / "gemma")
    break_file(monkeypatch, lambda path: path == folder / "a.safetensors")
    backup, info = place.back_up(tmp_path / "b", with_models=True)
    assert "models/gemma/a.safetensors: unreadable" in info.faults
    assert included(info) == []
    assert not list((backup / "models").rglob("*.*"))


# -- changes during a backup -------------------------------------------------------------------------
@pytest.fixture
def during(monkeypatch) -> Callable[..., list[bool]]:
    """Calls `before` and `after` each round of copying; returns the list of rounds (whether each was the last kind)."""

    def install(before=lambda copier, rounds: None, after=lambda copier, rounds: None) -> list[bool]:
        take, rounds = copying.Copier.take_all, []

        def take_all(copier, *, is_last):
            rounds.append(is_last)
            before(copier, rounds)
            faults = take(copier, is_last=is_last)
            after(copier, rounds)
            return faults

        monkeypatch.setattr(copying.Copier, "take_all", take_all)
        return rounds

    return install


def test_document_deleted_after_the_dump_leads_to_another_round(place, tmp_path, during):
    revision = revision_of("知識.txt")

    def delete_it(copier, rounds):
        if rounds == [False, True]:
            delete("知識.txt")
            # As if the first round had not copied it.
            copier._catalog.forget_folder("storage")
            shutil.rmtree(copier._target / "storage")

    rounds = during(before=delete_it)
    backup, info = place.back_up(tmp_path / "b")
    assert rounds == [False, True, True]
    assert_whole(backup, info)
    blob = blob_path(revision.organization_id, revision.sha256)
    assert not (backup / "storage" / stored(place, blob)).exists()


def test_document_deleted_between_rounds_is_not_kept(place, tmp_path, during):
    revision = revision_of("知識.txt")
    during(after=lambda copier, rounds: delete("知識.txt") if rounds == [False] else None)
    backup, info = place.back_up(tmp_path / "b")
    assert_whole(backup, info)
    blob = blob_path(revision.organization_id, revision.sha256)
    assert not (backup / "storage" / stored(place, blob)).exists()


@pytest.mark.parametrize(("ends_before_the_dump", "kept"), [(False, ["2", "4"]), (True, [])])
def test_checkpoints_of_a_run_that_continues_in_the_dump_are_kept(
    place, tmp_path, during, ends_before_the_dump, kept
):
    """The run ends while the backup is made, and its folder is cleaned."""
    job = running_job()

    def clean(copier, rounds):
        if rounds[-1]:
            shutil.rmtree(job.run_dir / "checkpoints", ignore_errors=True)

    def end(copier, rounds):
        if ends_before_the_dump:
            with every_organization("test"):
                Job.objects.filter(pk=job.pk, state="running").update(state="cancelling")
                Job.objects.filter(pk=job.pk, state="cancelling").update(state="cancelled")

    during(before=clean, after=end)
    backup, info = place.back_up(tmp_path / "b")
    folder = backup / "storage" / stored(place, job.run_dir) / "checkpoints"
    assert sorted(path.parent.name for path in folder.glob("*/manifest.json")) == kept
    assert_whole(backup, info)


@pytest.mark.parametrize(
    "is_nfs", [False, True], ids=["deleted after its manifest was read", "deleted over NFS"]
)
def test_checkpoint_deleted_while_it_is_copied_is_left_out(place, tmp_path, monkeypatch, is_nfs):
    pruned = running_job().run_dir / "checkpoints" / "2"
    listed = copying.Copier._listed

    def prune(copier, manifest):
        found = listed(copier, manifest)
        if stored(place, pruned) in manifest:
            shutil.rmtree(pruned, ignore_errors=True)
        return found

    def is_removed(path: Path) -> bool:
        if path == pruned / "state.bin":
            shutil.rmtree(pruned)
        return path == pruned / "state.bin"

    if is_nfs:
        break_file(monkeypatch, is_removed, errno.ESTALE)
    else:
        monkeypatch.setattr(copying.Copier, "_listed", prune)
    backup, info = place.back_up(tmp_path / "b")
    assert checkpoints_in(backup, place) == ["4"]
    assert_whole(backup, info)


def test_newest_checkpoints_are_copied_first(place, tmp_path, monkeypatch):
    """The run deletes the oldest meanwhile, and is faster than the copy."""
    job = running_job()
    shutil.rmtree(job.run_dir / "checkpoints")
    steps = [9, 10, 100]
    for step in steps:
        write_checkpoint(job.run_dir, step)
    take, taken = copying.Copier._take_checkpoint, []

    def train(copier, folder):
        shutil.rmtree(job.run_dir / "checkpoints" / str(steps.pop(0)))
        steps.append(steps[-1] + 1)
        write_checkpoint(job.run_dir, steps[-1])
        taken.append(int(Path(folder).name))
        return take(copier, folder)

    monkeypatch.setattr(copying.Copier, "_take_checkpoint", train)
    backup, info = place.back_up(tmp_path / "b")
    assert taken == [100, 10, 9, 103, 102, 101]
    assert checkpoints_in(backup, place) == ["100", "103"]
    assert_whole(backup, info)


def test_attempt_after_the_dump_is_left_out(place, tmp_path):
    job = running_job()
    write_checkpoint(job.run_dir.parent / "2", 6)
    backup, _ = place.back_up(tmp_path / "b")
    assert [path.name for path in (backup / "storage" / "runs" / job.id).iterdir()] == ["1"]


# -- base models --------------------------------------------------------------------------------------
def test_changed_base_model_is_copied(place, tmp_path):
    register(tmp_path / "gemma")
    place.back_up(tmp_path / "b", with_models=True)
    register(tmp_path / "gemma2", **{"a.safetensors": b"b"})
    backup, _ = place.back_up(tmp_path / "b", with_models=True)
    assert (backup / "models/gemma/a.safetensors").read_bytes() == b"b"


def test_base_model_of_an_interrupted_backup_is_completed(place, tmp_path):
    register(tmp_path / "gemma")
    left = interrupt(place, tmp_path / "b", with_models=True) / "models/gemma"
    kept = hold(left / "a.safetensors", tmp_path)
    (left / "config.json").unlink()
    (left / "b.safetensors.tmp").write_bytes(b"half of a file that the model does not have any more")
    backup, info = place.back_up(tmp_path / "b", with_models=True)
    assert (backup / "models/gemma/a.safetensors").stat().st_ino == kept
    assert included(info) == ["gemma"]
    assert_whole(backup, info, NO_E5)


# -- refusals -----------------------------------------------------------------------------------
def test_unreadable_key_is_refused(place, tmp_path, monkeypatch):
    break_file(monkeypatch, lambda path: path == place.var / "secret_key")
    assert refusal(place.back_up, tmp_path / "b") == "secret_key_unreadable"
    assert archive.complete_backups(tmp_path / "b") == []


def test_outdated_database_is_refused(place, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'jobs'")
    assert refusal(place.back_up, tmp_path / "b") == "backup_database_outdated"


def test_folder_inside_the_storage_is_refused(place):
    assert refusal(place.back_up, place.var / "storage" / "b") == "backup_inside_storage"


def test_lost_database_is_reported_and_the_next_backup_continues(place, tmp_path, monkeypatch):
    def lose(target: Path, snapshot: str) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        databases.applied_migrations()

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(databases, "dump", lose)
        assert refusal(place.back_up, tmp_path / "backups") == "database_lost"
    connection.close()
    folder, _info = place.back_up(tmp_path / "backups")
    assert archive.find_backup(tmp_path / "backups") == folder


def test_two_backups_into_one_folder_exclude_each_other(place, tmp_path, monkeypatch):
    def again(self):
        assert refusal(place.back_up, tmp_path / "b") == "backup_already_running"
        raise KeyboardInterrupt

    monkeypatch.setattr(BackupRun, "_make", again)
    with pytest.raises(KeyboardInterrupt):
        place.back_up(tmp_path / "b")


# -- space --------------------------------------------------------------------------------------
def leave_free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The disk has so many bytes left; the database needs none."""
    monkeypatch.setattr(creation, "SPARE_BYTES", 0)
    monkeypatch.setattr(databases, "database_bytes", lambda: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, size))


def test_disk_without_space_is_refused_before_anything_is_copied(place, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 10, 10))
    assert refusal(place.back_up, tmp_path / "b") == "backup_disk_too_small"
    assert not list((tmp_path / "b").rglob("storage"))


def test_copies_of_an_interrupted_backup_need_no_more_space(place, tmp_path, monkeypatch, settings):
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    upload("大.txt", 3_000_000)
    write_checkpoint(running_job().run_dir, 6, "w" * 3_000_000)
    interrupt(place, tmp_path / "b")
    leave_free(monkeypatch, 1_000_000)
    assert_whole(*place.back_up(tmp_path / "b"))
    assert refusal(place.back_up, tmp_path / "another") == "backup_disk_too_small"


def test_base_models_are_part_of_the_space_check(place, tmp_path, monkeypatch, settings):
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    register(tmp_path / "gemma", **{"a.safetensors": b"a" * 3_000_000})
    leave_free(monkeypatch, 1_000_000)
    assert refusal(place.back_up, tmp_path / "b", with_models=True) == "backup_disk_too_small"
    place.back_up(tmp_path / "b")
    with monkeypatch.context() as meanwhile:
        leave_free(meanwhile, 10_000_000)
        interrupt(place, tmp_path / "b", with_models=True)
    # First it lies here already, then in the backup before.
    for _again in range(2):
        assert included(place.back_up(tmp_path / "b", with_models=True)[1]) == ["gemma"]


def test_floor_of_the_installations_own_disk_stays_free(place, tmp_path, monkeypatch, settings):
    settings.KOSHA_DISK_FLOOR_BYTES = 10**10
    leave_free(monkeypatch, 10**9)
    assert refusal(place.back_up, tmp_path / "b") == "backup_disk_too_small"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        assert Path(memory).stat().st_dev != place.var.stat().st_dev
        place.back_up(Path(memory) / "b")


def test_disk_that_fills_up_is_reported_and_leaves_no_backup(place, tmp_path):
    upload("大.txt", 400_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A write beyond this size fails, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        assert refusal(place.back_up, tmp_path / "b") == "backup_disk_failed"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert archive.complete_backups(tmp_path / "b") == []
    assert_whole(*place.back_up(tmp_path / "b"))
