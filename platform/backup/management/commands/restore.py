"""Bring a backup into an empty installation: `KOSHA_VAR=/srv/kosha manage.py restore BACKUP`.

BACKUP is one backup, or a folder of backups, whose newest is used. Afterwards `manage.py up` continues from the moment of
the backup. An interrupted restore can be run again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backup.errors import BackupError
from backup.restoration import RestoreRun
from config.env import environment
from stack.servers import ServerFailed, ServerMissing


class Command(BaseCommand):
    help = "Restore a backup into an empty installation that is not running."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path, help="a backup, or the folder of backups for its newest")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            restored = RestoreRun(environment(), options["backup"], progress=self._progress).run()
        except BackupError as error:
            raise CommandError(str(error)) from error
        except (ServerFailed, ServerMissing) as error:
            raise CommandError(f"restore_impossible: {error}") from error
        for warning in restored.warnings:
            self._progress(f"WARNING: {warning}")
        self._progress(
            "Restored. Everybody has to sign in again; keys revoked since the backup are valid again."
        )
        self.stdout.write(json.dumps(asdict(restored), ensure_ascii=False, indent=1))

    def _progress(self, sentence: str) -> None:
        # Progress is no error, so it is not coloured as one.
        self.stderr.write(sentence, style_func=str)
        self.stderr.flush()
