"""A backup is restored into another place, and refused before any change where it cannot be."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from unittest.mock import Mock

import pytest
from django.db import connection

from backup import archive, copying
from common.tenancy import every_organization
from documents.selectors import pages_folder
from jobs.models import Job
from jobs.services import job_succeeded
from registry.models import BaseModel
from stack.state import RestoreUnfinished, lock, refuse_unfinished_restore, restore_marker
from tests.backup.conftest import Place, interrupt, refusal
from tests.backup.world_on_disk import (
    blob_of,
    files_below,
    make_unreadable,
    register,
    revision_of,
    running_job,
)
from tests.world import begin, ingest_result
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
class Attempt(NamedTuple):
    """A restore of `backup` from `place` into `elsewhere`; what is entered into `over` lasts while it is tried."""

    place: Place
    backup: Path
    elsewhere: Place
    over: ExitStack

    def rewrite_info(self, **changes: object) -> None:
        info = json.loads((self.backup / "backup.json").read_text()) | changes
        (self.backup / "backup.json").write_text(json.dumps(info))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damaged(damage: Callable[[Path], object], what: str) -> Callable[[Attempt], object]:
    return lambda attempt: damage(
        attempt.backup / (attempt.place.inside(blob_of("知識.txt")) if what == "original" else what)
    )


def unreadable(attempt: Attempt) -> None:
    patch = attempt.over.enter_context(pytest.MonkeyPatch.context())
    make_unreadable(patch, lambda path: path == attempt.backup / "secret_key")
    (fault,) = archive.verify(attempt.backup, archive.read_info(attempt.backup), print)
    assert (fault.path, fault.reason) == ("secret_key", "cannot be read (Input/output error)")


def names_a_path_outside(attempt: Attempt) -> None:
    files = attempt.backup / "files.jsonl"
    files.write_text('["../../outside", 1, "00"]\n')
    attempt.rewrite_info(files_sha256=copying.sha256_of(files))


def interrupted(attempt: Attempt) -> Path:
    return attempt.backup.rename(attempt.backup.with_name(f"{attempt.backup.name}.partial"))


def database_in_use(attempt: Attempt) -> None:
    """And the marker is of an unfinished restore into another database."""
    restore_marker(attempt.elsewhere.var).write_text('{"backup": "x", "database": "another"}')
    attempt.elsewhere.database = attempt.place.database


REFUSED = {
    **{
        f"{what} {name}": ("backup_damaged", damaged(damage, what))
        for what in ("database.dump", "files.jsonl", "secret_key", "original")
        for name, damage in {
            "flipped": flip,
            "truncated": lambda path: os.truncate(path, path.stat().st_size - 1),
            "deleted": Path.unlink,
        }.items()
    },
    "unreadable": ("backup_damaged", unreadable),
    "path outside of the backup": ("backup_damaged", names_a_path_outside),
    "newer format": ("backup_is_newer", lambda attempt: attempt.rewrite_info(format=99)),
    "newer migration": (
        "backup_is_newer",
        lambda attempt: attempt.rewrite_info(migrations=["jobs.9999_of_the_future"]),
    ),
    "interrupted": ("backup_not_found", interrupted),
    "folder of an interrupted one": ("backup_not_found", lambda attempt: interrupted(attempt).parent),
    "storage in use": (
        "restore_not_empty",
        lambda attempt: (attempt.elsewhere.var / "storage/organizations/org_1").mkdir(parents=True),
    ),
    "database in use": ("restore_not_empty", database_in_use),
    "running": (
        "restore_while_running",
        lambda attempt: attempt.over.enter_context(lock(attempt.elsewhere.var)),
    ),
}


def state_of(place: Place) -> tuple[object, ...]:
    tables = place.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return tables, sorted(place.var.rglob("*")), files_below(place.var)


@pytest.fixture
def untouched(tmp_path: Path, empty_database: str, django_db_blocker) -> Iterator[Place]:
    """An empty place, which a refused restore leaves empty."""
    (tmp_path / "new").mkdir()
    with django_db_blocker.unblock():
        yield Place(tmp_path / "new", empty_database)


@pytest.mark.parametrize("why", REFUSED)
def test_refused_before_any_change(filled, backup, untouched, why):
    code, prepare = REFUSED[why]
    elsewhere = untouched
    with ExitStack() as over, filled.here():
        source = prepare(Attempt(filled, backup, elsewhere, over)) or backup
        (elsewhere.var / "stack.lock").touch()
        before = state_of(elsewhere)
        assert refusal(elsewhere.restore, source) == code
        assert state_of(elsewhere) == before


def test_backup_that_becomes_unreadable_is_refused(backup, untouched, monkeypatch):
    make_unreadable(monkeypatch, lambda path: path == backup / "secret_key")
    monkeypatch.setattr(archive, "refuse_damaged", lambda *arguments: None)
    assert refusal(untouched.restore, backup) == "backup_unreadable"


# -- what is restored -----------------------------------------------------------------------------
def test_brings_everything_to_another_place(filled, made, restored):
    there, summary = restored
    assert (summary.backup, summary.jobs_continued) == (made.name, 1)
    assert there.rows(COUNTS) == filled.rows(COUNTS)
    assert (there.var / "secret_key").read_bytes() == (filled.var / "secret_key").read_bytes()
    assert not restore_marker(there.var).exists()
    kept, here = files_below(made / "storage"), files_below(there.var / "storage")
    assert kept.items() <= here.items()
    assert {Path(name).name for name in here.keys() - kept.keys()} == {"owner", "stop.json", "exit.json"}


def test_rows_name_the_new_place_and_machine(filled, restored, django_db_blocker):
    there, _ = restored
    with django_db_blocker.unblock(), there.here(), every_organization("test"):
        specs = [job.spec for job in Job.objects.filter(kind="ingest")]
        paths = [Path(file["path"]) for spec in specs for file in spec["files"]]
        assert paths and all(path.is_relative_to(there.var) and path.exists() for path in paths)
        # No process of this machine is taken for the run of the old one.
        job = running_job()
        launcher = LocalLauncher(there.var / "storage" / "runs")
        assert launcher.poll(RunRef(job.id, job.fence, job.run_dir)) == Exited(143)
        assert sorted(path.name for path in (job.run_dir / "checkpoints").iterdir()) == ["2", "4"]
    named = "SELECT count(*) FROM jobs_job WHERE spec::text LIKE '%" + str(filled.var) + "%'"
    assert there.rows(named) == [(0,)]
    size = there.rows("SELECT cpus, memory_bytes FROM jobs_cluster WHERE name = 'local'")
    assert size == [(3, 1 << 33)]


def test_unregistered_success_is_registered_after_the_restore(place, tmp_path, elsewhere):
    with every_organization("test"):
        revision = revision_of("待.txt")
        job = begin(revision.job)
        result = IngestResult(
            media_type="text/plain", pages=1, characters=2, sha256="d" * 64, manifest_sha256="d" * 64
        )
        read = ingest_result(job, revision, result, {"pages.jsonl": "{}\n"})
        assert job_succeeded(job=job, result=read)
    backup, info = place.back_up(tmp_path / "b")
    assert info.faults == []
    elsewhere.restore(backup)
    with elsewhere.here(), every_organization("test"):
        finalize_ended()
        revision = revision_of("待.txt")
        assert revision.state == "processed"
        assert (pages_folder(revision) / "pages.jsonl").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("with_models", "missing"),
    [(True, ["e5"]), (False, ["e5", "gemma"])],
    ids=["brought", "named as missing"],
)
def test_base_models_are_brought_or_named_as_missing(
    place, tmp_path, elsewhere, monkeypatch, with_models, missing
):
    folder = register(tmp_path / "outside" / "gemma")
    run = running_job()
    with every_organization("test"):
        Job.objects.filter(pk=run.pk).update(spec=run.spec | {"base_model": str(folder)})
    backup, _info = place.back_up(tmp_path / "b", with_models=with_models)
    closed = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    monkeypatch.setattr("backup.post_restore.model_folder_digest", Mock(side_effect=closed))
    assert elsewhere.restore(backup).models_missing == missing
    here = elsewhere.var / "models" / "gemma" if with_models else folder
    with elsewhere.here():
        assert BaseModel.objects.get(name="gemma").path == running_job().spec["base_model"] == str(here)
    assert files_below(here) == files_below(folder)


def test_interrupted_restore_is_no_installation_and_starts_again(place, backup, elsewhere):
    interrupt(elsewhere.restore, backup, at="backup.post_restore.cluster_measure")
    # Migrations of a later version may have added what depends on the restored tables.
    with elsewhere.here(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (job varchar REFERENCES jobs_job (id))")
    with pytest.raises(RestoreUnfinished):
        refuse_unfinished_restore(elsewhere.var)
    elsewhere.restore(backup)
    refuse_unfinished_restore(elsewhere.var)
    assert elsewhere.rows(COUNTS) == place.rows(COUNTS)
