"""What a backup of the filled installation holds."""

from __future__ import annotations

from pathlib import Path

from backup import archive
from backup.archive import BackupInfo
from tests.backup.conftest import Place
from tests.backup.world_on_disk import (
    running_job,
)

DOCUMENT = "知識.txt"


NO_E5 = "models/e5: missing or changed"
"""The folder of the base model `e5` does not exist."""


def assert_whole(backup: Path, info: BackupInfo, *faults: str) -> None:
    assert sorted(info.faults) == sorted(faults)
    assert archive.verify(backup, archive.read_info(backup), print) == []


def checkpoints_in(backup: Path, place: Place) -> list[str]:
    folder = backup / place.inside(running_job().run_dir) / "checkpoints"
    return sorted(path.parent.name for path in folder.glob("*/manifest.json"))


def included(info: BackupInfo) -> list[str]:
    return [model.name for model in info.models if model.included]
