"""Back up the installation while it works: `manage.py backup FOLDER`; check one: `manage.py backup --verify FOLDER`.

Each backup is a folder of its own below FOLDER, whole by itself; files that have not changed are hard links
to the backup before, so remove old ones as you like. A backup holds everything: keep it as safe as the
installation. Progress goes to standard error, a JSON summary to standard output.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backup import sealed
from backup.copying import UNREADABLE
from backup.errors import BackupError
from backup.making import Making
from backup.sealed import Seal
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
        making = Making(environment(), options["folder"], with_models=options["with_models"], say=self._say)
        backup, seal = making.run()
        self._say(f"{backup} is complete. It holds everything, keys and documents: keep it locked away.")
        if seal.fault_count:
            self._say(warning_of(seal))
        return {"backup": str(backup), **seal.model_dump(exclude={"migrations", "format"})}

    def _verify(self, options: dict[str, Any]) -> dict[str, Any]:
        backup = sealed.find_backup(options["folder"].expanduser().resolve())
        seal = sealed.read_seal(backup)
        sealed.refuse_damaged(backup, seal, self._say)
        return {"backup": str(backup), "files": seal.files, "bytes": seal.bytes, "verified": True}

    def _say(self, sentence: str) -> None:
        # Progress is no error, so it is not coloured as one.
        self.stderr.write(sentence, style_func=str)
        self.stderr.flush()


def warning_of(seal: Seal) -> str:
    """What the administrator is told of a backup that lacks something."""
    advice = " See to the disk and the permissions of what is unreadable, and back up again."
    unreadable = any(fault.endswith(f": {UNREADABLE}") for fault in seal.faults)
    return (
        f"WARNING: {seal.fault_count} files of the installation itself are missing, damaged or unreadable, "
        f"first {seal.faults[0]}.{advice if unreadable else ''}"
    )
