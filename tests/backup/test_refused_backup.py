"""A backup is refused where it cannot be complete; only what is not copied yet needs space."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from django.db import connection

from backup import archive, creation, databases
from tests.backup.conftest import WHEN_COPIED, Place, interrupt, refusal
from tests.backup.contents import NO_E5, assert_whole
from tests.backup.world_on_disk import (
    make_unreadable,
    register,
    running_job,
    upload,
    write_checkpoint,
)

pytestmark = pytest.mark.slow


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
