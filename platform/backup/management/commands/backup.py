"""Back up the installation while it works: `manage.py backup FOLDER`; check one: `manage.py backup --verify FOLDER`.

Each backup is a folder of its own below FOLDER and complete by itself; files that have not changed are hard links to the
backup before, so old backups can be removed freely. A backup holds everything: keep it as safe as the installation.
Progress goes to standard error, a JSON summary to standard output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from backup import archive
from backup.archive import BackupInfo
from backup.copying import UNREADABLE
from backup.creation import BackupRun
from backup.operator_command import OperatorCommand
from config.env import environment


class Command(OperatorCommand):
    help = "Back up database, storage and secrets, or verify a backup, while everything runs."
    impossible = "backup_impossible"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where backups are kept; with --verify also one backup")
        parser.add_argument("--with-models", action="store_true", help="copy the base models, too")
        parser.add_argument("--verify", action="store_true", help="make none; read and verify the newest")

    def summary(self, options: dict[str, Any]) -> dict[str, Any]:
        folder = options["folder"].expanduser().resolve()
        if options["verify"]:
            backup = archive.find_backup(folder)
            info = archive.read_info(backup)
            archive.refuse_damaged(backup, info, self.progress)
            return {"backup": str(backup), "files": info.files, "bytes": info.bytes, "verified": True}
        run = BackupRun(environment(), folder, with_models=options["with_models"], progress=self.progress)
        backup, info = run.run()
        self.progress(f"{backup} is complete. It holds everything, keys and documents: keep it locked away.")
        if info.fault_count:
            self.progress(warning_of(info))
        return {"backup": str(backup), **info.model_dump(exclude={"migrations", "format"})}


def warning_of(info: BackupInfo) -> str:
    """For the operator, about a backup in which something is missing."""
    advice = " Check the disk and the permissions of what is unreadable, and back up again."
    is_unreadable = any(fault.endswith(f": {UNREADABLE}") for fault in info.faults)
    return (
        f"WARNING: {info.fault_count} files of the installation itself are missing, damaged or unreadable, "
        f"the first is {info.faults[0]}.{advice if is_unreadable else ''}"
    )
