"""Bring a backup into an empty installation: `KOSHA_VAR=/srv/kosha manage.py restore BACKUP`.

BACKUP is one backup, or a folder of backups, whose newest is used. Afterwards `manage.py up` continues from the moment of
the backup. An interrupted restore can be run again.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from backup.operator_command import OperatorCommand
from backup.restoration import RestoreRun
from config.env import environment


class Command(OperatorCommand):
    help = "Restore a backup into an empty installation that is not running."
    impossible = "restore_impossible"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path, help="a backup, or the folder of backups for its newest")

    def summary(self, options: dict[str, Any]) -> dict[str, Any]:
        restored = RestoreRun(environment(), options["backup"], progress=self.progress).run()
        for warning in restored.warnings:
            self.progress(f"WARNING: {warning}")
        self.progress(
            "Restored. Everybody has to sign in again; keys revoked since the backup are valid again."
        )
        return asdict(restored)
