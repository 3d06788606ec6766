"""A backup or restore that is killed at any moment leaves nothing that passes for complete, and can be run again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backup import archive
from stack.state import restore_marker
from tests.backup.conftest import Place
from tests.backup.test_restore import COUNTS
from tests.backup.world_on_disk import files_below

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def kill_again_and_again(repository, place: Place, *arguments) -> int:
    withheld = ("KOSHA_SECRET_KEY",)
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
    path = os.pathsep.join([str(repository / "platform"), str(repository)])
    environment |= {"DATABASE_URL": place.url, "KOSHA_VAR": str(place.var), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "tests.backup.killed_runs", *map(str, arguments)],
        cwd=repository, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.split()[-1])


def test_backup_after_kills_is_complete(repository, place, tmp_path):
    folder = tmp_path / "b"
    assert kill_again_and_again(repository, place, "backup", folder) > 8
    assert [path.name for path in folder.glob("*.partial")] == []
    (backup,) = archive.complete_backups(folder)
    info = archive.read_info(backup)
    assert archive.verify(backup, info, print) == [] and info.faults == []
    assert not list(backup.rglob("*.tmp")) and not (backup / "catalog.sqlite").exists()


def test_restore_after_kills_is_complete(repository, place, backup, elsewhere):
    assert kill_again_and_again(repository, elsewhere, "restore", backup) > 8
    assert not restore_marker(elsewhere.var).exists()
    assert elsewhere.rows(COUNTS) == place.rows(COUNTS)
    assert files_below(backup / "storage").items() <= files_below(elsewhere.var / "storage").items()
