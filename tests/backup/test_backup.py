"""A backup holds what the rows name, says what is damaged, and comes back in another place."""

from __future__ import annotations

import errno
import io
import json
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
from backup import copying, databases, making, sealed, settling
from backup.errors import BackupError
from backup.making import Making
from backup.management.commands.backup import warning_of
from common.storage import blob_path
from common.tenancy import every_organization, organization_scope
from documents.models import Document, Revision
from documents.selectors import pages_folder
from documents.services import document_delete, document_upload
from jobs.models import Job
from jobs.services import job_succeeded
from registry.models import BaseModel
from stack.state import RestoreUnfinished, lock, refuse_unfinished_restore, restore_marker
from tests.backup.conftest import Place
from tests.backup.world_on_disk import write_checkpoint
from tests.world import begin, sealed_result, write_output
from workers.contract.model_folder import model_folder_digest
from workers.contract.specs.ingest import IngestResult
from workers.orchestration.finalize import finalize_ended
from workers.orchestration.launchers.base import Exited, RunRef
from workers.orchestration.launchers.local.launcher import LocalLauncher

pytestmark = pytest.mark.slow


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(BackupError) as refused:
        call(*arguments, **options)
    assert len(refused.value.sentence) > 20
    return refused.value.code


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


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
    with every_organization("test"):
        document = Document.objects.get(name=document_name)
    with organization_scope(document.organization_id):
        document_delete(document_id=document.id, actor=SYSTEM)


def running_job() -> Job:
    with every_organization("test"):
        return Job.objects.get(kind="training", state="running")


def checkpoints_in(backup: Path, place: Place, job: Job) -> list[str]:
    folder = backup / "storage" / job.run_dir.relative_to(place.var / "storage") / "checkpoints"
    return sorted(path.parent.name for path in folder.glob("*/manifest.json"))


def interrupt(place: Place, folder: Path, **options: Any) -> Path:
    """What a backup leaves that is killed when all is copied."""

    def die(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Making, "_secrets", die)
        with pytest.raises(KeyboardInterrupt):
            place.back_up(folder, **options)
    return next(folder.glob("*.partial"))


def register(name: str, folder: Path, files: dict[str, bytes]) -> Path:
    """Make `folder` the base model of that name."""
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    BaseModel.objects.filter(name=name).update(path=str(folder), digest=model_folder_digest(folder))
    return folder


def hold(path: Path, tmp_path: Path) -> int:
    """The file's inode, which no other gets after the file was removed."""
    os.link(path, tmp_path / "held")
    return path.stat().st_ino


class Broken(io.RawIOBase):
    """A file on a bad sector: it opens."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def break_file(monkeypatch: pytest.MonkeyPatch, is_broken: Callable[[Path], bool], how: int = 0) -> None:
    """These cannot be read: opening fails with the errno `how`, or reading does, where it is 0."""

    def opened(path: Any, *arguments: Any) -> Any:
        if not is_broken(Path(path)):
            return open(path, *arguments)
        if how:
            raise OSError(how, os.strerror(how), str(path))
        return Broken()

    monkeypatch.setattr(copying, "open", opened, raising=False)


# -- what is in it ------------------------------------------------------------------------------
def test_a_backup_holds_every_file_that_a_working_installation_keeps(place, tmp_path):
    backup, seal = place.back_up(tmp_path / "b")
    assert seal.faults == []
    kept = files_below(backup / "storage")
    for name, content in files_below(place.var / "storage").items():
        if Path(name).name not in ("owner", "config.json", "result.json"):
            assert kept[name] == content
    assert sealed.verify(backup, sealed.read_seal(backup), print) == []


def test_a_backup_is_for_its_owners_eyes_only(place, tmp_path):
    backup, _ = place.back_up(tmp_path / "b")
    assert backup.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in backup.rglob("*") if path.is_file()} == {0o600}


def test_a_key_from_the_environment_stays_out_of_the_backup(place, tmp_path):
    with place.here():
        env = place.env.model_copy(update={"secret_key": "e" * 40})
        backup, seal = Making(env, tmp_path / "b", say=print).run()
    assert not (backup / "secret_key").exists()
    assert b"e" * 40 not in (backup / "backup.json").read_bytes()
    assert seal.secret_key_fingerprint


def test_a_second_backup_shares_what_has_not_changed(place, tmp_path):
    first, _ = place.back_up(tmp_path / "b")
    second, seal = place.back_up(tmp_path / "b")
    blob = "storage" / first_blob().relative_to(place.var / "storage")
    assert (first / blob).stat().st_ino == (second / blob).stat().st_ino
    shutil.rmtree(first)
    assert sealed.verify(second, seal, print) == []


def test_a_damaged_original_is_taken_from_the_backup_before(place, tmp_path):
    place.back_up(tmp_path / "b")
    content = first_blob().read_bytes()
    first_blob().write_bytes(b"x" * len(content))
    second, seal = place.back_up(tmp_path / "b")
    assert seal.faults == []
    assert (second / "storage" / first_blob().relative_to(place.var / "storage")).read_bytes() == content


def test_a_damaged_link_is_copied_anew(place, tmp_path):
    first, _ = place.back_up(tmp_path / "b")
    blob = "storage" / first_blob().relative_to(place.var / "storage")
    (first / blob).write_bytes(b"rotten")
    second, seal = place.back_up(tmp_path / "b")
    assert seal.faults == [] and sealed.verify(second, seal, print) == []


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_what_the_installation_has_lost_is_said_and_does_not_prevent_the_backup(place, tmp_path, damage):
    first_blob().unlink() if damage == "missing" else first_blob().write_bytes(b"x")
    backup, seal = place.back_up(tmp_path / "b")
    assert [fault.rpartition(": ")[2] for fault in seal.faults] == [damage]
    assert sealed.verify(backup, seal, print) == []


def test_a_document_deleted_meanwhile_is_in_neither_dump_nor_files(place, tmp_path, monkeypatch):
    """Between the look at the database and the copy: the backup looks again instead of naming a file it lacks."""
    with every_organization("test"):
        revision = Revision.objects.get(document__name="知識.txt")
    blob = blob_path(revision.organization_id, revision.sha256)
    take, looks = copying.Copier.take_all, []

    def deleting(copier, *, last):
        looks.append(last)
        if last and looks.count(True) == 1:
            delete("知識.txt")
            # As if it had not been copied at the first look.
            copier._ledger.forget_folder("storage")
            shutil.rmtree(copier._target / "storage")
        return take(copier, last=last)

    monkeypatch.setattr(copying.Copier, "take_all", deleting)
    backup, seal = place.back_up(tmp_path / "b")
    assert looks == [False, True, True]
    assert seal.faults == []
    assert not (backup / "storage" / blob.relative_to(place.var / "storage")).exists()


def test_what_was_deleted_between_the_looks_is_not_kept(place, tmp_path, monkeypatch):
    with every_organization("test"):
        revision = Revision.objects.get(document__name="知識.txt")
    blob = blob_path(revision.organization_id, revision.sha256)
    take = copying.Copier.take_all

    def then_deleted(copier, *, last):
        faults = take(copier, last=last)
        if not last:
            delete("知識.txt")
        return faults

    monkeypatch.setattr(copying.Copier, "take_all", then_deleted)
    backup, seal = place.back_up(tmp_path / "b")
    assert seal.faults == []
    assert not (backup / "storage" / blob.relative_to(place.var / "storage")).exists()


def test_a_checkpoint_that_is_pruned_meanwhile_is_left_out_whole(place, tmp_path, monkeypatch):
    with every_organization("test"):
        job = Job.objects.get(kind="training", state="running")
    pruned = job.run_dir / "checkpoints" / "2"
    listed = copying.Copier._listed

    def prune(copier, manifest):
        found = listed(copier, manifest)
        if pruned.relative_to(place.var / "storage").as_posix() in manifest:
            shutil.rmtree(pruned, ignore_errors=True)
        return found

    monkeypatch.setattr(copying.Copier, "_listed", prune)
    backup, seal = place.back_up(tmp_path / "b")
    inside = backup / "storage" / job.run_dir.relative_to(place.var / "storage") / "checkpoints"
    assert [path.name for path in inside.iterdir()] == ["4"]
    assert seal.faults == []


@pytest.mark.parametrize("ended", ["after the dump", "before the dump"])
def test_a_run_that_goes_on_in_the_dump_keeps_its_checkpoints(place, tmp_path, monkeypatch, ended):
    """It ends while the backup is made, and its folder is cleaned."""
    job = running_job()
    take = copying.Copier.take_all

    def cleaning(copier, *, last):
        if last:
            shutil.rmtree(job.run_dir / "checkpoints", ignore_errors=True)
        faults = take(copier, last=last)
        if ended == "before the dump":
            with every_organization("test"):
                Job.objects.filter(pk=job.pk, state="running").update(state="cancelling")
                Job.objects.filter(pk=job.pk, state="cancelling").update(state="cancelled")
        return faults

    monkeypatch.setattr(copying.Copier, "take_all", cleaning)
    backup, seal = place.back_up(tmp_path / "b")
    assert checkpoints_in(backup, place, job) == (["2", "4"] if ended == "after the dump" else [])
    assert seal.faults == [] and sealed.verify(backup, seal, print) == []


def test_checkpoints_are_copied_the_newest_first_while_the_run_forgets_the_oldest(
    place, tmp_path, monkeypatch
):
    job = running_job()
    shutil.rmtree(job.run_dir / "checkpoints")
    steps = [9, 10, 100]
    for step in steps:
        write_checkpoint(job.run_dir, step)
    take, taken = copying.Copier._take_checkpoint, []

    def training(copier, folder):
        """The run is faster than the copy."""
        shutil.rmtree(job.run_dir / "checkpoints" / str(steps.pop(0)))
        steps.append(steps[-1] + 1)
        write_checkpoint(job.run_dir, steps[-1])
        taken.append(int(Path(folder).name))
        return take(copier, folder)

    monkeypatch.setattr(copying.Copier, "_take_checkpoint", training)
    backup, seal = place.back_up(tmp_path / "b")
    assert taken == [100, 10, 9, 103, 102, 101]
    assert checkpoints_in(backup, place, job) == ["100", "103"]
    assert seal.faults == [] and sealed.verify(backup, seal, print) == []


# -- what cannot be read ------------------------------------------------------------------------------
@pytest.mark.parametrize("how", [0, errno.EIO, errno.EACCES], ids=["reading", "EIO", "EACCES"])
def test_an_unreadable_original_is_said_and_does_not_prevent_the_backup(place, tmp_path, monkeypatch, how):
    blob = first_blob()
    break_file(monkeypatch, lambda path: path == blob, how)
    backup, seal = place.back_up(tmp_path / "b")
    inside = blob.relative_to(place.var / "storage").as_posix()
    assert seal.faults == [f"{inside}: unreadable"]
    assert "See to the disk and the permissions" in warning_of(seal)
    assert sealed.verify(backup, seal, print) == []
    assert not list((backup / "storage" / inside).parent.glob(f"{blob.name}*"))


def test_an_unreadable_manifest_is_said_once_and_what_it_lists_is_kept(place, tmp_path, monkeypatch):
    with every_organization("test"):
        revision = Revision.objects.get(document__name="知識.txt")
    folder = pages_folder(revision)
    break_file(monkeypatch, lambda path: path == folder / "manifest.json")
    backup, seal = place.back_up(tmp_path / "b")
    inside = folder.relative_to(place.var / "storage").as_posix()
    assert seal.faults == [f"{inside}/manifest.json: unreadable"]
    kept = files_below(backup / "storage" / inside)
    assert kept and files_below(folder).items() - kept.items() == {
        ("manifest.json", (folder / "manifest.json").read_bytes())
    }


@pytest.mark.parametrize("file", ["manifest.json", "state.bin"])
def test_an_unreadable_checkpoint_is_left_out_whole_and_said(place, tmp_path, monkeypatch, file):
    job = running_job()
    broken = job.run_dir / "checkpoints" / "4" / file
    break_file(monkeypatch, lambda path: path == broken)
    backup, seal = place.back_up(tmp_path / "b")
    assert checkpoints_in(backup, place, job) == ["2"]
    assert seal.faults == [f"{broken.relative_to(place.var / 'storage').as_posix()}: unreadable"]


def test_a_checkpoint_that_another_machine_removes_is_left_out_and_is_no_fault(place, tmp_path, monkeypatch):
    """Who has a file of it open is told so in the words of NFS."""
    job = running_job()
    removed = job.run_dir / "checkpoints" / "2" / "state.bin"

    def is_removed(path: Path) -> bool:
        if path == removed:
            shutil.rmtree(removed.parent)
        return path == removed

    break_file(monkeypatch, is_removed, errno.ESTALE)
    backup, seal = place.back_up(tmp_path / "b")
    assert checkpoints_in(backup, place, job) == ["4"]
    assert seal.faults == []


def test_an_unreadable_log_or_folder_of_a_run_is_said(place, tmp_path, monkeypatch):
    job = running_job()
    name = job.run_dir.relative_to(place.var / "storage").as_posix()
    listed = Path.iterdir

    def iterdir(folder):
        if folder == job.run_dir / "checkpoints":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    break_file(monkeypatch, lambda path: path == job.run_dir / "events.jsonl")
    _backup, seal = place.back_up(tmp_path / "b")
    assert seal.faults == [f"{name}/checkpoints: unreadable", f"{name}/events.jsonl: unreadable"]


@pytest.mark.parametrize("whose", ["the backup before", "an interrupted backup"])
def test_an_unreadable_copy_is_made_anew(place, tmp_path, monkeypatch, whose):
    before = whose == "the backup before"
    left = place.back_up(tmp_path / "b")[0] if before else interrupt(place, tmp_path / "b")
    inside = "storage" / first_blob().relative_to(place.var / "storage")
    broken = hold(left / inside, tmp_path)

    def is_broken(path: Path) -> bool:
        return path.exists() and path.stat().st_ino == broken

    break_file(monkeypatch, is_broken)
    backup, seal = place.back_up(tmp_path / "b")
    assert (backup / inside).stat().st_ino != broken
    assert seal.faults == [] and sealed.verify(backup, seal, print) == []


def test_a_key_that_cannot_be_read_is_told(place, tmp_path, monkeypatch):
    break_file(monkeypatch, lambda path: path == place.var / "secret_key")
    assert refusal(place.back_up, tmp_path / "b") == "secret_key_unreadable"


def test_an_unreadable_base_model_is_said(place, tmp_path, monkeypatch):
    folder = register("gemma", tmp_path / "gemma", {"config.json": b"{}", "a.safetensors": b"a"})
    break_file(monkeypatch, lambda path: path == folder / "a.safetensors")
    backup, seal = place.back_up(tmp_path / "b", with_models=True)
    assert "models/gemma/a.safetensors: unreadable" in seal.faults
    assert {model.name: model.included for model in seal.models} == {"gemma": False, "e5": False}
    assert not list((backup / "models").rglob("*.*"))


def test_an_unreadable_backup_is_told(backup, elsewhere, monkeypatch):
    break_file(monkeypatch, lambda path: path == backup / "secret_key")
    (fault,) = sealed.verify(backup, sealed.read_seal(backup), print)
    assert (fault.path, fault.why) == ("secret_key", "cannot be read (Input/output error)")
    assert refusal(elsewhere.restore, backup) == "backup_damaged"
    # It became so after it was verified.
    monkeypatch.setattr(sealed, "refuse_damaged", lambda *arguments: None)
    assert refusal(elsewhere.restore, backup) == "backup_unreadable"


def test_a_base_model_that_cannot_be_read_does_not_prevent_a_restore(place, tmp_path, elsewhere, monkeypatch):
    folder = register("gemma", tmp_path / "gemma", {"config.json": b"{}"})
    backup, _seal = place.back_up(tmp_path / "b")

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(settling, "model_folder_digest", refuse)
    assert elsewhere.restore(backup).models_missing == ["e5", "gemma"]


# -- base models --------------------------------------------------------------------------------------
def test_a_second_backup_shares_the_base_models(place, tmp_path):
    register("gemma", tmp_path / "gemma", {"config.json": b"{}", "a.safetensors": b"a"})
    first, _ = place.back_up(tmp_path / "b", with_models=True)
    second, seal = place.back_up(tmp_path / "b", with_models=True)
    for name in ("config.json", "a.safetensors"):
        assert (first / "models/gemma" / name).stat().st_ino == (second / "models/gemma" / name).stat().st_ino
    shutil.rmtree(first)
    assert sealed.verify(second, seal, print) == []


def test_another_model_under_the_same_name_is_copied(place, tmp_path):
    register("gemma", tmp_path / "gemma", {"config.json": b"{}", "a.safetensors": b"a"})
    place.back_up(tmp_path / "b", with_models=True)
    register("gemma", tmp_path / "gemma2", {"config.json": b"{}", "a.safetensors": b"b"})
    backup, seal = place.back_up(tmp_path / "b", with_models=True)
    assert (backup / "models/gemma/a.safetensors").read_bytes() == b"b"
    assert sealed.verify(backup, seal, print) == []


def test_what_an_interrupted_backup_has_of_a_base_model_is_taken_as_it_is(place, tmp_path):
    register("gemma", tmp_path / "gemma", {"config.json": b"{}", "a.safetensors": b"a"})
    left = interrupt(place, tmp_path / "b", with_models=True) / "models/gemma"
    kept = hold(left / "a.safetensors", tmp_path)
    (left / "config.json").unlink()
    (left / "b.safetensors.tmp").write_bytes(b"half of what the model has no more")
    backup, seal = place.back_up(tmp_path / "b", with_models=True)
    assert (backup / "models/gemma/a.safetensors").stat().st_ino == kept
    assert {model.name: model.included for model in seal.models} == {"gemma": True, "e5": False}
    assert sealed.verify(backup, seal, print) == []


@pytest.mark.parametrize("whose", ["the backup before", "an interrupted backup"])
def test_a_damaged_copy_of_a_base_model_is_made_anew(place, tmp_path, whose):
    folder = register("gemma", tmp_path / "gemma", {"config.json": b"{}", "a.safetensors": b"a"})
    if whose == "the backup before":
        left, _ = place.back_up(tmp_path / "b", with_models=True)
    else:
        left = interrupt(place, tmp_path / "b", with_models=True)
    (left / "models/gemma/a.safetensors").write_bytes(b"x")
    backup, seal = place.back_up(tmp_path / "b", with_models=True)
    assert {model.name: model.included for model in seal.models} == {"gemma": True, "e5": False}
    assert files_below(backup / "models/gemma") == files_below(folder)
    assert sealed.verify(backup, seal, print) == []


# -- refusals and damage ----------------------------------------------------------------------------
def test_a_database_that_goes_away_meanwhile_is_told_and_the_next_try_goes_on(place, tmp_path, monkeypatch):
    def gone(target: Path, snapshot: str) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        databases.applied_migrations()

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(databases, "dump", gone)
        assert refusal(place.back_up, tmp_path / "backups") == "database_lost"
    connection.close()
    folder, _seal = place.back_up(tmp_path / "backups")
    assert sealed.find_backup(tmp_path / "backups") == folder


def test_two_backups_into_one_folder_exclude_each_other(place, tmp_path, monkeypatch):
    def again(self):
        assert refusal(place.back_up, tmp_path / "b") == "backup_already_running"
        raise KeyboardInterrupt

    monkeypatch.setattr(Making, "_make", again)
    with pytest.raises(KeyboardInterrupt):
        place.back_up(tmp_path / "b")


def test_a_disk_without_room_is_refused_before_anything_is_copied(place, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 10, 10))
    assert refusal(place.back_up, tmp_path / "b") == "backup_disk_too_small"
    assert not list((tmp_path / "b").rglob("storage"))


def leave_free(monkeypatch: pytest.MonkeyPatch, size: int, spare: int = 0) -> None:
    """So much room is left, of which `spare` is nobody's; the database counts nothing."""
    monkeypatch.setattr(making, "SPARE_BYTES", spare)
    monkeypatch.setattr(databases, "database_bytes", lambda: 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, size))


def test_what_an_interrupted_backup_has_copied_needs_no_more_room(place, tmp_path, monkeypatch, settings):
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    upload("大.txt", 3_000_000)
    write_checkpoint(running_job().run_dir, 6, "w" * 3_000_000)
    interrupt(place, tmp_path / "b")
    leave_free(monkeypatch, 1_000_000)
    backup, seal = place.back_up(tmp_path / "b")
    assert sealed.verify(backup, seal, print) == []
    assert refusal(place.back_up, tmp_path / "another") == "backup_disk_too_small"


def test_base_models_are_in_the_space_check(place, tmp_path, monkeypatch, settings):
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    register("gemma", tmp_path / "gemma", {"config.json": b"{}", "a.safetensors": b"a" * 3_000_000})
    leave_free(monkeypatch, 1_000_000)
    assert refusal(place.back_up, tmp_path / "b", with_models=True) == "backup_disk_too_small"
    place.back_up(tmp_path / "b")
    with monkeypatch.context() as meanwhile:
        leave_free(meanwhile, 10_000_000)
        interrupt(place, tmp_path / "b", with_models=True)
    # It lies here already, and then in the backup before.
    for _again in range(2):
        _backup, seal = place.back_up(tmp_path / "b", with_models=True)
        assert {model.name: model.included for model in seal.models} == {"gemma": True, "e5": False}


def test_the_room_that_the_installation_needs_stays_free_on_its_own_disk(
    place, tmp_path, monkeypatch, settings
):
    settings.KOSHA_DISK_FLOOR_BYTES = 10**10
    leave_free(monkeypatch, 10**9)
    assert refusal(place.back_up, tmp_path / "b") == "backup_disk_too_small"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        assert Path(memory).stat().st_dev != place.var.stat().st_dev
        place.back_up(Path(memory) / "b")


def test_a_disk_that_is_full_in_the_middle_is_told_and_leaves_no_backup(place, tmp_path):
    upload("大.txt", 400_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (300_000, limits[1])
    )  # a write beyond it fails, as on a full disk
    try:
        assert refusal(place.back_up, tmp_path / "b") == "backup_disk_failed"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sealed.complete_backups(tmp_path / "b") == []
    backup, seal = place.back_up(tmp_path / "b")
    assert sealed.verify(backup, seal, print) == []


def test_a_database_of_an_earlier_version_is_refused(place, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'jobs'")
    assert refusal(place.back_up, tmp_path / "b") == "backup_database_outdated"


def test_a_backup_into_the_storage_itself_is_refused(place):
    assert refusal(place.back_up, place.var / "storage" / "b") == "backup_inside_storage"


def test_an_interrupted_backup_is_none(backup, elsewhere):
    backup.rename(backup.with_name(f"{backup.name}.partial"))
    assert refusal(elsewhere.restore, backup.parent) == "backup_not_found"
    assert refusal(elsewhere.restore, backup.with_name(f"{backup.name}.partial")) == "backup_not_found"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "flipped": flip,
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 1),
    "deleted": Path.unlink,
}


@pytest.mark.parametrize("what", ["database.dump", "files.jsonl", "secret_key", "blob"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_before_anything_is_changed(place, backup, elsewhere, what, damage):
    path = (
        backup / "storage" / first_blob().relative_to(place.var / "storage")
        if what == "blob"
        else backup / what
    )
    DAMAGES[damage](path)
    assert refusal(elsewhere.restore, backup) == "backup_damaged"
    assert elsewhere.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    assert not (elsewhere.var / "storage").exists()
    assert not restore_marker(elsewhere.var).exists()


@pytest.mark.parametrize("newer", [{"format": 99}, {"migrations": ["jobs.9999_of_the_future"]}])
def test_a_backup_of_a_newer_version_is_refused(backup, elsewhere, newer):
    seal = json.loads((backup / "backup.json").read_text()) | newer
    (backup / "backup.json").write_text(json.dumps(seal))
    assert refusal(elsewhere.restore, backup) == "backup_is_newer"


def test_a_place_in_use_is_refused(place, backup, elsewhere):
    assert refusal(place.restore, backup) == "restore_not_empty"
    (elsewhere.var / "storage" / "organizations" / "org_1").mkdir(parents=True)
    assert refusal(elsewhere.restore, backup) == "restore_not_empty"


def test_a_running_place_is_refused(backup, elsewhere):
    with lock(elsewhere.var):
        assert refusal(elsewhere.restore, backup) == "restore_while_running"


def test_a_path_that_leaves_the_backup_is_refused(backup, elsewhere):
    (backup / "files.jsonl").write_text('["../../outside", 1, "00"]\n')
    forged = sealed.read_seal(backup).model_copy(
        update={"files_sha256": copying.sha256_of(backup / "files.jsonl")}
    )
    (backup / "backup.json").write_text(forged.model_dump_json())
    assert refusal(elsewhere.restore, backup) == "backup_damaged"


# -- and back again -----------------------------------------------------------------------------------
COUNTS = """
    SELECT (SELECT count(*) FROM documents_revision), (SELECT count(*) FROM jobs_job),
           (SELECT count(*) FROM registry_modelversion), (SELECT count(*) FROM releases_release),
           (SELECT sum(sequence) FROM audit_auditcheck)
"""


def test_a_restore_brings_everything_to_another_place(place, backup, elsewhere):
    restored = elsewhere.restore(backup.parent)
    assert restored.backup == backup.name
    assert elsewhere.rows(COUNTS) == place.rows(COUNTS)
    assert (elsewhere.var / "secret_key").read_bytes() == (place.var / "secret_key").read_bytes()
    assert not restore_marker(elsewhere.var).exists()
    kept, here = files_below(backup / "storage"), files_below(elsewhere.var / "storage")
    assert kept.items() <= here.items()
    assert {Path(name).name for name in here.keys() - kept.keys()} == {"owner", "stop.json", "exit.json"}


def test_paths_follow_to_the_new_place(place, backup, elsewhere):
    elsewhere.restore(backup)
    with elsewhere.here(), every_organization("test"):
        specs = [job.spec for job in Job.objects.filter(kind="ingest")]
        assert specs and all(Path(spec["path"]).is_relative_to(elsewhere.var) for spec in specs)
        assert all(Path(spec["path"]).exists() for spec in specs)
    named = "SELECT count(*) FROM jobs_job WHERE spec::text LIKE '%" + str(place.var) + "%'"
    assert elsewhere.rows(named) == [(0,)]


def test_a_run_of_the_old_machine_is_stopped_and_never_taken_for_a_process_here(backup, elsewhere):
    restored = elsewhere.restore(backup)
    assert restored.jobs_continued == 1
    with elsewhere.here(), every_organization("test"):
        job = Job.objects.get(kind="training", state="running")
        launcher = LocalLauncher(elsewhere.var / "storage" / "runs")
        assert launcher.poll(RunRef(job.id, job.fence, job.run_dir)) == Exited(143)
        assert sorted(path.name for path in (job.run_dir / "checkpoints").iterdir()) == ["2", "4"]


def test_the_built_in_cluster_has_what_the_new_machine_has(backup, elsewhere, monkeypatch):
    monkeypatch.setattr("jobs.clusters._machine", lambda: {"cpus": 3, "memory_bytes": 1 << 33})
    elsewhere.restore(backup)
    assert elsewhere.rows("SELECT cpus, memory_bytes FROM jobs_cluster WHERE name = 'local'") == [
        (3, 1 << 33)
    ]


def test_an_attempt_that_began_after_the_dump_is_left_out(place, tmp_path):
    with every_organization("test"):
        job = Job.objects.get(kind="training", state="running")
    write_checkpoint(job.run_dir.parent / "2", 6)
    backup, _ = place.back_up(tmp_path / "b")
    assert [path.name for path in (backup / "storage" / "runs" / job.id).iterdir()] == ["1"]


def test_a_success_that_was_not_registered_yet_is_registered_after_the_restore(place, tmp_path, elsewhere):
    with every_organization("test"):
        job = begin(Revision.objects.get(document__name="待.txt").job)
        write_output(job, {"pages.jsonl": "{}\n"})
        result = IngestResult(
            media_type="text/plain", pages=1, characters=2, sha256="d" * 64, manifest_sha256="d" * 64
        )
        assert job_succeeded(job=job, result=sealed_result(job, result))
    backup, seal = place.back_up(tmp_path / "b")
    assert seal.faults == []
    elsewhere.restore(backup)
    with elsewhere.here(), every_organization("test"):
        finalize_ended()
        revision = Revision.objects.get(document__name="待.txt")
        assert revision.state == "processed"
        assert (pages_folder(revision) / "pages.jsonl").read_text() == "{}\n"


def test_missing_base_models_are_named_and_those_in_the_backup_brought(place, tmp_path, elsewhere):
    folder = tmp_path / "outside" / "gemma"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    with place.here():
        BaseModel.objects.filter(name="gemma").update(path=str(folder), digest=model_folder_digest(folder))
        with every_organization("test"):
            run = Job.objects.get(kind="training", state="running")
            Job.objects.filter(pk=run.pk).update(spec=run.spec | {"base_model": str(folder)})
    backup, seal = place.back_up(tmp_path / "b", with_models=True)
    assert {model.name: model.included for model in seal.models} == {"gemma": True, "e5": False}
    restored = elsewhere.restore(backup)
    assert restored.models_missing == ["e5"]
    with elsewhere.here(), every_organization("test"):
        moved = elsewhere.var / "models" / "gemma"
        assert BaseModel.objects.get(name="gemma").path == str(moved)
        assert (moved / "config.json").read_text() == "{}"
        assert Job.objects.get(pk=run.pk).spec["base_model"] == str(moved)


def test_an_unfinished_restore_is_no_installation_and_is_begun_anew(place, backup, elsewhere, monkeypatch):

    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(settling, "_jobs", die)
        with pytest.raises(KeyboardInterrupt):
            elsewhere.restore(backup)
    # Migrations of a later version may have added what depends on the restored tables.
    with elsewhere.here(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (job varchar REFERENCES jobs_job (id))")
    with pytest.raises(RestoreUnfinished):
        refuse_unfinished_restore(elsewhere.var)
    elsewhere.restore(backup)
    refuse_unfinished_restore(elsewhere.var)
    assert elsewhere.rows(COUNTS) == place.rows(COUNTS)


def test_another_database_is_not_cleared_for_an_unfinished_restore(place, backup, elsewhere):
    restore_marker(elsewhere.var).write_text('{"backup": "x", "database": "another"}')
    elsewhere.database = place.database
    assert refusal(elsewhere.restore, backup) == "restore_not_empty"
