"""A backup is restored into another place, and refused before any change where it cannot be."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from backup import archive, copying, post_restore
from common.tenancy import every_organization
from documents.selectors import pages_folder
from jobs.models import Job
from jobs.services import job_succeeded
from registry.models import BaseModel
from stack.state import RestoreUnfinished, lock, refuse_unfinished_restore, restore_marker
from tests.backup.conftest import Place
from tests.backup.test_backup import (
    break_file,
    files_below,
    first_blob,
    included,
    refusal,
    register,
    revision_of,
    running_job,
    stored,
)
from tests.world import begin, sealed_result, write_output
from workers.contract.specs.ingest import IngestResult
from workers.orchestration.finalize import finalize_ended
from workers.orchestration.launchers.base import Exited, RunRef
from workers.orchestration.launchers.local.launcher import LocalLauncher

pytestmark = pytest.mark.slow

COUNTS = """
    SELECT (SELECT count(*) FROM documents_revision), (SELECT count(*) FROM jobs_job),
           (SELECT count(*) FROM registry_modelversion), (SELECT count(*) FROM releases_release),
           (SELECT sum(sequence) FROM audit_auditcheck)
"""


# -- refusals -----------------------------------------------------------------------------------
def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 1),
    "deleted": Path.unlink,
}


def assert_unchanged(place: Place) -> None:
    assert place.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    assert not (place.var / "storage").exists()
    assert not restore_marker(place.var).exists()


@pytest.mark.parametrize("what", ["database.dump", "files.jsonl", "secret_key", "original"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_backup_is_refused_before_any_change(place, backup, elsewhere, what, damage):
    inside = f"storage/{stored(place, first_blob())}" if what == "original" else what
    DAMAGES[damage](backup / inside)
    assert refusal(elsewhere.restore, backup) == "backup_damaged"
    assert_unchanged(elsewhere)


def _rewrite_info(backup: Path, **changes: object) -> None:
    info = json.loads((backup / "backup.json").read_text()) | changes
    (backup / "backup.json").write_text(json.dumps(info))


def _name_a_path_outside(backup: Path) -> None:
    (backup / "files.jsonl").write_text('["../../outside", 1, "00"]\n')
    _rewrite_info(backup, files_sha256=copying.sha256_of(backup / "files.jsonl"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda backup: _rewrite_info(backup, format=99), "backup_is_newer", id="newer format"),
        pytest.param(
            lambda backup: _rewrite_info(backup, migrations=["jobs.9999_of_the_future"]),
            "backup_is_newer",
            id="newer migration",
        ),
        pytest.param(_name_a_path_outside, "backup_damaged", id="path outside of the backup"),
    ],
)
def test_backup_that_cannot_be_used_is_refused(backup, elsewhere, change, code):
    change(backup)
    assert refusal(elsewhere.restore, backup) == code
    assert_unchanged(elsewhere)


def test_interrupted_backup_is_not_found(backup, elsewhere):
    partial = backup.rename(backup.with_name(f"{backup.name}.partial"))
    for path in (backup.parent, partial):
        assert refusal(elsewhere.restore, path) == "backup_not_found"


def test_unreadable_backup_is_refused(backup, elsewhere, monkeypatch):
    break_file(monkeypatch, lambda path: path == backup / "secret_key")
    (fault,) = archive.verify(backup, archive.read_info(backup), print)
    assert (fault.path, fault.reason) == ("secret_key", "cannot be read (Input/output error)")
    assert refusal(elsewhere.restore, backup) == "backup_damaged"
    # It became unreadable after it was verified.
    monkeypatch.setattr(archive, "refuse_damaged", lambda *arguments: None)
    assert refusal(elsewhere.restore, backup) == "backup_unreadable"


def test_place_in_use_is_refused(place, backup, elsewhere):
    assert refusal(place.restore, backup) == "restore_not_empty"
    (elsewhere.var / "storage" / "organizations" / "org_1").mkdir(parents=True)
    assert refusal(elsewhere.restore, backup) == "restore_not_empty"


def test_running_place_is_refused(backup, elsewhere):
    with lock(elsewhere.var):
        assert refusal(elsewhere.restore, backup) == "restore_while_running"


def test_another_database_is_not_cleared_for_an_unfinished_restore(place, backup, elsewhere):
    restore_marker(elsewhere.var).write_text('{"backup": "x", "database": "another"}')
    elsewhere.database = place.database
    assert refusal(elsewhere.restore, backup) == "restore_not_empty"


# -- what is restored -----------------------------------------------------------------------------
def test_brings_everything_to_another_place(place, backup, elsewhere):
    restored = elsewhere.restore(backup.parent)
    assert restored.backup == backup.name
    assert elsewhere.rows(COUNTS) == place.rows(COUNTS)
    assert (elsewhere.var / "secret_key").read_bytes() == (place.var / "secret_key").read_bytes()
    assert not restore_marker(elsewhere.var).exists()
    kept, here = files_below(backup / "storage"), files_below(elsewhere.var / "storage")
    assert kept.items() <= here.items()
    assert {Path(name).name for name in here.keys() - kept.keys()} == {"owner", "stop.json", "exit.json"}


def test_paths_name_the_new_place(place, backup, elsewhere):
    elsewhere.restore(backup)
    with elsewhere.here(), every_organization("test"):
        paths = [Path(job.spec["path"]) for job in Job.objects.filter(kind="ingest")]
        assert paths and all(path.is_relative_to(elsewhere.var) and path.exists() for path in paths)
    named = "SELECT count(*) FROM jobs_job WHERE spec::text LIKE '%" + str(place.var) + "%'"
    assert elsewhere.rows(named) == [(0,)]


def test_run_of_the_old_machine_counts_as_stopped(backup, elsewhere):
    """No process of this machine is taken for it."""
    assert elsewhere.restore(backup).jobs_continued == 1
    with elsewhere.here():
        job = running_job()
        launcher = LocalLauncher(elsewhere.var / "storage" / "runs")
        assert launcher.poll(RunRef(job.id, job.fence, job.run_dir)) == Exited(143)
        assert sorted(path.name for path in (job.run_dir / "checkpoints").iterdir()) == ["2", "4"]


def test_built_in_cluster_has_the_size_of_the_new_machine(backup, elsewhere, monkeypatch):
    monkeypatch.setattr("jobs.clusters._machine", lambda: {"cpus": 3, "memory_bytes": 1 << 33})
    elsewhere.restore(backup)
    size = elsewhere.rows("SELECT cpus, memory_bytes FROM jobs_cluster WHERE name = 'local'")
    assert size == [(3, 1 << 33)]


def test_unregistered_success_is_registered_after_the_restore(place, tmp_path, elsewhere):
    with every_organization("test"):
        job = begin(revision_of("待.txt").job)
        write_output(job, {"pages.jsonl": "{}\n"})
        result = IngestResult(
            media_type="text/plain", pages=1, characters=2, sha256="d" * 64, manifest_sha256="d" * 64
        )
        assert job_succeeded(job=job, result=sealed_result(job, result))
    backup, info = place.back_up(tmp_path / "b")
    assert info.faults == []
    elsewhere.restore(backup)
    with elsewhere.here(), every_organization("test"):
        finalize_ended()
        revision = revision_of("待.txt")
        assert revision.state == "processed"
        assert (pages_folder(revision) / "pages.jsonl").read_text() == "{}\n"


def test_base_models_are_brought_or_named_as_missing(place, tmp_path, elsewhere):
    folder = register(tmp_path / "outside" / "gemma")
    run = running_job()
    with every_organization("test"):
        Job.objects.filter(pk=run.pk).update(spec=run.spec | {"base_model": str(folder)})
    backup, info = place.back_up(tmp_path / "b", with_models=True)
    assert included(info) == ["gemma"]
    assert elsewhere.restore(backup).models_missing == ["e5"]
    with elsewhere.here():
        moved = elsewhere.var / "models" / "gemma"
        assert BaseModel.objects.get(name="gemma").path == str(moved)
        assert files_below(moved) == files_below(folder)
        assert running_job().spec["base_model"] == str(moved)


def test_unreadable_base_model_prevents_no_restore(place, tmp_path, elsewhere, monkeypatch):
    folder = register(tmp_path / "gemma")
    backup, _info = place.back_up(tmp_path / "b")

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(post_restore, "model_folder_digest", refuse)
    assert elsewhere.restore(backup).models_missing == ["e5", "gemma"]


def test_interrupted_restore_is_no_installation_and_starts_again(place, backup, elsewhere, monkeypatch):
    def kill(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(post_restore, "_stop_runs", kill)
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
