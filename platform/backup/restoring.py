"""Bring a backup into an empty installation.

Everything is checked before the first change. From the first change to the last `var/restore.json` says
that what lies here is not whole: `up` refuses it, and `restore` clears it away and begins anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backup import databases, sealed, settling
from backup.copying import STORAGE, Unreadable, copy_hashed
from backup.errors import BackupError
from backup.ledger import Entry
from backup.making import SPARE_BYTES, fingerprint
from backup.sealed import Seal
from config.env import Environment
from stack.state import AlreadyRunning, lock, restore_marker
from workers.contract.atomic_files import sync_directory

KEPT = (STORAGE, sealed.MODELS)
DATABASE_GROWTH = 4
"""A restored database is larger than its compressed dump, by about this factor at most."""


@dataclass(frozen=True)
class Restored:
    """What the operator is told at the end."""

    backup: str
    created_at: str
    files: int
    bytes: int
    organizations: int
    jobs_continued: int
    models_missing: list[str]
    warnings: list[str]


class Restoring:
    """One restore of `backup` (or the newest in that folder) into the installation `env`."""

    def __init__(self, env: Environment, backup: Path, *, say: Callable[[str], None]) -> None:
        self._env = env
        self._backup = sealed.find_backup(backup.expanduser().resolve())
        self._say = say

    def run(self) -> Restored:
        """Raises BackupError; before anything was changed, or leaving the mark of an unfinished restore."""
        try:
            with databases.loss_told(), lock(self._env.var):
                return self._restore()
        except AlreadyRunning:
            raise BackupError(
                "restore_while_running",
                f"Kosha is running on {self._env.var}. Restore into another, empty KOSHA_VAR.",
            ) from None
        except OSError as error:
            raise BackupError(
                "restore_disk_failed",
                f"A disk refused to read or write ({error.strerror}). See to it and repeat the command.",
            ) from error

    def _restore(self) -> Restored:
        seal = sealed.read_seal(self._backup)
        self._refuse_what_is_in_use()
        self._say(f"verifying the backup {seal.id}")
        sealed.refuse_damaged(self._backup, seal, self._say)
        self._refuse_too_little_space(seal)
        if self._env.database_url:
            return self._with_named_database(seal)
        _refuse_older_server(databases.embedded_major(), seal)
        self._begin(seal)
        shutil.rmtree(self._env.var / "postgres", ignore_errors=True)
        with databases.embedded_database(self._env):
            return self._fill(seal)

    def _with_named_database(self, seal: Seal) -> Restored:
        with databases.installed_database(self._env):
            unfinished = restore_marker(self._env.var).exists()
            if not databases.is_empty() and not (unfinished and self._is_ours()):
                raise BackupError(
                    "restore_not_empty",
                    "The database that DATABASE_URL names holds tables. Name an empty database.",
                )
            _refuse_older_server(databases.server_major(), seal)
            self._begin(seal)
            if unfinished:
                databases.clear()
            return self._fill(seal)

    # -- before anything is changed -----------------------------------------------------------------
    def _refuse_what_is_in_use(self) -> None:
        if restore_marker(self._env.var).exists():
            return  # the rest of a restore that was interrupted; nobody has worked with it
        storage = self._env.var / STORAGE
        taken = [folder for name in ("organizations", "runs") if _has_entries(folder := storage / name)]
        if not self._env.database_url and _has_entries(self._env.var / "postgres" / "data"):
            taken.append(self._env.var / "postgres")
        if taken:
            raise BackupError(
                "restore_not_empty",
                f"{taken[0]} is in use: there is an installation already, and a restore replaces none. "
                "Set KOSHA_VAR to an empty folder.",
            )

    def _refuse_too_little_space(self, seal: Seal) -> None:
        growth = 0 if self._env.database_url else DATABASE_GROWTH
        dump = (self._backup / sealed.DUMP).stat().st_size
        needed = seal.bytes + growth * dump + SPARE_BYTES
        free = shutil.disk_usage(self._env.var).free
        if free < needed:
            raise BackupError(
                "restore_disk_too_small",
                f"The restore needs {needed / 1e6:.0f} MB, and {self._env.var} has {free / 1e6:.0f} MB left.",
            )

    # -- the changes ------------------------------------------------------------------------------------
    def _begin(self, seal: Seal) -> None:
        marker = restore_marker(self._env.var)
        started = {"backup": seal.id, "database": self._database_named()}
        sealed.write_private(marker, [json.dumps(started)])
        for name in ("organizations", "runs"):
            shutil.rmtree(self._env.var / STORAGE / name, ignore_errors=True)

    def _is_ours(self) -> bool:
        """Whether the interrupted restore found this very database empty and filled it."""
        try:
            begun = json.loads(restore_marker(self._env.var).read_text())
        except ValueError:
            return False
        return bool(begun.get("database") == self._database_named())

    def _database_named(self) -> str:
        """Without the password."""
        return (self._env.database_url or "").rpartition("@")[2].partition("?")[0]

    def _fill(self, seal: Seal) -> Restored:
        self._copy_files(seal)
        self._say("loading the database")
        databases.load(self._backup / sealed.DUMP)
        self._say("bringing the database up to date")
        settled = settling.settle(self._env, seal)
        sealed.sync_disk(self._env.var)
        restore_marker(self._env.var).unlink()
        sync_directory(self._env.var)
        return Restored(
            backup=seal.id,
            created_at=seal.created_at,
            files=seal.files,
            bytes=seal.bytes,
            organizations=seal.organizations,
            jobs_continued=settled.jobs_continued,
            models_missing=settled.models_missing,
            warnings=[*self._warnings(seal), *settled.warnings],
        )

    def _copy_files(self, seal: Seal) -> None:
        for number, entry in enumerate(sealed.entries_of(self._backup, seal), 1):
            top = entry.path.partition("/")[0]
            if top not in KEPT and entry.path != sealed.SECRET_KEY:
                continue
            self._copy_file(entry)
            if number % 10_000 == 0:
                self._say(f"{number} of {seal.files} files copied")

    def _copy_file(self, entry: Entry) -> None:
        try:
            copied = copy_hashed(self._backup / entry.path, self._env.var / entry.path)
        except Unreadable as error:
            raise BackupError(
                "backup_unreadable",
                f"{entry.path} of the backup {self._backup.name} cannot be read ({error.reason}). See to the disk "
                "that the backup lies on, or take another backup, and repeat the command.",
            ) from error
        if copied.sha256 != entry.sha256:
            raise BackupError(
                "backup_damaged", f"{entry.path} of the backup changed while it was read; the disk fails."
            )

    def _warnings(self, seal: Seal) -> Iterator[str]:
        if seal.fault_count:
            yield (
                f"{seal.fault_count} files of the backed-up installation were missing, damaged or unreadable; "
                "backup.json names the first of them."
            )
        key = self._env.secret_key
        if key is None and not (self._backup / sealed.SECRET_KEY).exists():
            yield "The old installation took KOSHA_SECRET_KEY from its environment; set the same here."
        elif key is not None and fingerprint(key) != seal.secret_key_fingerprint:
            yield (
                "KOSHA_SECRET_KEY is not that of the old installation: checkpoints of training on several "
                "processes cannot be resumed, and such runs begin again."
            )


def _refuse_older_server(major: int, seal: Seal) -> None:
    if major < seal.postgres:
        raise BackupError(
            "restore_server_too_old",
            f"The backup is of PostgreSQL {seal.postgres}, the server of {major}. "
            f"Name a server of {seal.postgres} or newer in DATABASE_URL.",
        )


def _has_entries(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
