"""Back up the installation while it works: `manage.py backup FOLDER`; check one: `manage.py backup --verify FOLDER`.

Each backup is a folder of its own below FOLDER and complete by itself; files that have not changed are hard links to the
backup before, so old backups can be removed freely. A backup holds everything: keep it as safe as the installation.
Progress goes to standard error, a JSON summary to standard output.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backup import archive
from backup.archive import BackupInfo
from backup.copying import UNREADABLE
from backup.creation import BackupRun
from backup.errors import BackupError
from config.env import environment
from stack.servers import ServerFailed, ServerMissing
from stack.state import AlreadyRunning, RestoreUnfinished


class Command(BaseCommand):
    help = "Back up database, storage and secrets, or verify a backup, while everything runs."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups are kept; with --verify also one backup")
        parser.add_argument("--with-models", action="store_true", help="copy the base models, too")
        parser.add_argument("--verify", action="store_true", help="make none; read and verify the newest")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            summary = self._verify(options) if options["verify"] else self._make(options)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except (AlreadyRunning, RestoreUnfinished, ServerFailed, ServerMissing) as error:
            raise CommandError(f"backup_impossible: {error}") from error
        self.stdout.write(json.dumps(summary, ensure_ascii=False, indent=1))

    def _make(self, options: dict[str, Any]) -> dict[str, Any]:
        models = options["with_models"]
        backup, info = BackupRun(
            environment(), options["folder"], with_models=models, progress=self._progress
        ).run()
        self._progress(f"{backup} is complete. It holds everything, keys and documents: keep it locked away.")
        if info.fault_count:
            self._progress(warning_of(info))
        return {"backup": str(backup), **info.model_dump(exclude={"migrations", "format"})}

    def _verify(self, options: dict[str, Any]) -> dict[str, Any]:
        backup = archive.find_backup(options["folder"].expanduser().resolve())
        info = archive.read_info(backup)
        archive.refuse_damaged(backup, info, self._progress)
        return {"backup": str(backup), "files": info.files, "bytes": info.bytes, "verified": True}

    def _progress(self, sentence: str) -> None:
        # Progress is no error, so it is not coloured as one.
        self.stderr.write(sentence, style_func=str)
        self.stderr.flush()


def warning_of(info: BackupInfo) -> str:
    """For the operator, about a backup in which something is missing."""
    advice = " Check the disk and the permissions of what is unreadable, and back up again."
    is_unreadable = any(fault.endswith(f": {UNREADABLE}") for fault in info.faults)
    return (
        f"WARNING: {info.fault_count} files of the installation itself are missing, damaged or unreadable, "
        f"the first is {info.faults[0]}.{advice if is_unreadable else ''}"
    )
