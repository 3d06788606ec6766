"""Bring a backup into an empty installation.

Everything is checked before the first change. From the first change to the last, `var/restore.json` marks the installation
as incomplete: `up` refuses it, and `restore` clears it and starts again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from backup import archive, databases, post_restore
from backup.archive import BackupInfo
from backup.copying import STORAGE, Unreadable, copy_hashed
from backup.creation import SPARE_BYTES, fingerprint
from backup.errors import BackupError
from backup.post_restore import Restored
from config.env import Environment
from stack.servers import postgres_program
from stack.state import AlreadyRunning, lock, restore_marker
from workers.contract.atomic_files import PRIVATE, sync_directory, write_json

DATABASE_GROWTH = 4
"""A restored database is larger than its compressed dump, by about this factor at most."""


class RestoreRun:
    """One restore of `backup` (or of the newest backup in that folder) into the installation `env`."""

    def __init__(self, env: Environment, backup: Path, *, progress: Callable[[str], None]) -> None:
        self._env = env
        self._backup = archive.find_backup(backup.expanduser().resolve())
        self._progress = progress
        self._marker = restore_marker(env.var)

    def run(self) -> Restored:
        """Raises BackupError, before the first change or leaving the marker of an unfinished restore."""
        try:
            with databases.connection_loss_refused(), lock(self._env.var):
                return self._restore()
        except AlreadyRunning:
            raise BackupError(
                "restore_while_running",
                f"Kosha is running on {self._env.var}. Restore into another, empty KOSHA_VAR.",
            ) from None
        except OSError as error:
            raise BackupError(
                "restore_disk_failed",
                f"A disk failed to read or write ({error.strerror}). Check it and repeat the command.",
            ) from error

    def _restore(self) -> Restored:
        info = archive.read_info(self._backup)
        self._refuse_used_folders()
        self._progress(f"verifying the backup {info.id}")
        archive.refuse_damaged(self._backup, info, self._progress)
        self._refuse_too_little_space(info)
        if not self._env.database_url:
            _refuse_older_server(databases.major_of(postgres_program("postgres")) or 0, info)
            self._begin(info)
            shutil.rmtree(self._env.var / "postgres", ignore_errors=True)
            with databases.embedded_database(self._env):
                return self._fill(info)
        with databases.installed_database(self._env):
            is_unfinished = self._marker.exists()
            if databases.tables() and not (is_unfinished and self._filled_this_database()):
                raise BackupError(
                    "restore_not_empty",
                    "The database that DATABASE_URL names holds tables. Name an empty database.",
                )
            _refuse_older_server(databases.server_major(), info)
            self._begin(info)
            if is_unfinished:
                databases.clear()
            return self._fill(info)

    # -- before anything is changed -----------------------------------------------------------------
    def _refuse_used_folders(self) -> None:
        if self._marker.exists():
            return  # left by an interrupted restore; nobody has worked with it
        folders = [self._env.var / STORAGE / name for name in ("organizations", "runs")]
        if not self._env.database_url:
            folders.append(self._env.var / "postgres" / "data")
        for folder in folders:
            if folder.is_dir() and any(folder.iterdir()):
                raise BackupError(
                    "restore_not_empty",
                    f"{folder} is in use: there is an installation already, and a restore replaces none. "
                    "Set KOSHA_VAR to an empty folder.",
                )

    def _refuse_too_little_space(self, info: BackupInfo) -> None:
        growth = 0 if self._env.database_url else DATABASE_GROWTH
        dump = (self._backup / archive.DUMP).stat().st_size
        needed = info.bytes + growth * dump + SPARE_BYTES
        free = shutil.disk_usage(self._env.var).free
        if free < needed:
            raise BackupError(
                "restore_disk_too_small",
                f"The restore needs {needed / 1e6:.0f} MB, and {self._env.var} has {free / 1e6:.0f} MB left.",
            )

    # -- the changes ------------------------------------------------------------------------------------
    def _begin(self, info: BackupInfo) -> None:
        content = {"backup": info.id, "database": self._database_name()}
        write_json(self._marker, content, mode=PRIVATE)
        for name in ("organizations", "runs"):
            shutil.rmtree(self._env.var / STORAGE / name, ignore_errors=True)

    def _filled_this_database(self) -> bool:
        """Whether the interrupted restore found this very database empty and filled it."""
        try:
            content = json.loads(self._marker.read_text())
        except ValueError:
            return False
        return bool(content.get("database") == self._database_name())

    def _database_name(self) -> str:
        """The address without the password."""
        return (self._env.database_url or "").rpartition("@")[2].partition("?")[0]

    def _fill(self, info: BackupInfo) -> Restored:
        self._copy_files(info)
        self._progress("loading the database")
        databases.load(self._backup / archive.DUMP)
        self._progress("updating the database")
        restored = Restored(info.id, info.created_at, info.files, info.bytes, info.organizations)
        restored.warnings += self._warnings(info)
        post_restore.adapt(self._env, info, restored)
        archive.sync_disk(self._env.var)
        self._marker.unlink()
        sync_directory(self._env.var)
        return restored

    def _copy_files(self, info: BackupInfo) -> None:
        for number, entry in enumerate(archive.entries_of(self._backup, info), 1):
            if entry.path.partition("/")[0] not in (STORAGE, archive.MODELS, archive.SECRET_KEY):
                continue
            try:
                copied = copy_hashed(self._backup / entry.path, self._env.var / entry.path)
            except Unreadable as error:
                raise BackupError(
                    "backup_unreadable",
                    f"{entry.path} of the backup {self._backup.name} cannot be read ({error.reason}). Check the disk "
                    "of the backup, or use another backup, and repeat the command.",
                ) from error
            if copied.sha256 != entry.sha256:
                raise BackupError(
                    "backup_damaged", f"{entry.path} of the backup changed while it was read; the disk fails."
                )
            if number % 10_000 == 0:
                self._progress(f"{number} of {info.files} files copied")

    def _warnings(self, info: BackupInfo) -> Iterator[str]:
        if info.fault_count:
            yield (
                f"{info.fault_count} files of the backed-up installation were missing, damaged or unreadable; "
                "backup.json names the first of them."
            )
        key = self._env.secret_key
        if key is None and not (self._backup / archive.SECRET_KEY).exists():
            yield "The old installation took KOSHA_SECRET_KEY from its environment; set the same here."
        elif key is not None and fingerprint(key) != info.secret_key_fingerprint:
            yield (
                "KOSHA_SECRET_KEY is not that of the old installation: checkpoints of training on several "
                "processes cannot be resumed, and such runs begin again; new dataset versions get other pseudonyms."
            )


def _refuse_older_server(major: int, info: BackupInfo) -> None:
    if major < info.postgres:
        raise BackupError(
            "restore_server_too_old",
            f"The backup is of PostgreSQL {info.postgres}, the server of {major}. "
            f"Name a server of {info.postgres} or newer in DATABASE_URL.",
        )
