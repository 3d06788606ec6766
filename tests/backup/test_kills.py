"""Killed at any moment, a backup is none, and a restore is no installation; both are simply run again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backup import sealed
from stack.state import restore_marker
from tests.backup.conftest import Place
from tests.backup.test_backup import COUNTS, files_below

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def killed_again_and_again(repository, place: Place, *arguments) -> int:
    withheld = ("KOSHA_SECRET_KEY",)
    environment = {name: value for name, value in os.environ.items() if name not in withheld}
    path = os.pathsep.join([str(repository / "platform"), str(repository)])
    environment |= {"DATABASE_URL": place.url, "KOSHA_VAR": str(place.var), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "tests.backup.dying", *map(str, arguments)],
        cwd=repository, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.split()[-1])


def test_a_killed_backup_is_none_and_the_next_one_is_whole(repository, place, tmp_path):
    folder = tmp_path / "b"
    assert killed_again_and_again(repository, place, "backup", folder) > 8
    assert [path.name for path in folder.glob("*.partial")] == []
    (backup,) = sealed.complete_backups(folder)
    seal = sealed.read_seal(backup)
    assert sealed.verify(backup, seal, print) == [] and seal.faults == []
    assert not list(backup.rglob("*.tmp")) and not (backup / "ledger.sqlite").exists()


def test_a_killed_restore_is_no_installation_and_the_next_one_is_whole(repository, place, backup, elsewhere):
    assert killed_again_and_again(repository, elsewhere, "restore", backup) > 8
    assert not restore_marker(elsewhere.var).exists()
    assert elsewhere.rows(COUNTS) == place.rows(COUNTS)
    assert files_below(backup / "storage").items() <= files_below(elsewhere.var / "storage").items()
