"""Make a backup while jobs run and uploads arrive.

Files are written before the row that names them and never change, so copying them after the database
was looked at misses nothing, but for what was deleted in between. Hence in rounds:

    look (no dump), copy           most of the work; the database moves on meanwhile
    look and dump, copy            little is left to copy; done, unless something was gone
    …                              until nothing is gone, or the same things twice: they are lost for good

"Look" and "dump" are one snapshot of the database. What is gone in two of them was not deleted by
anybody in between: the installation itself has lost it, and the backup says so. What cannot be read is
told in the same way. Checkpoints alone come and go while their run goes on: those that one look has
brought stay, as long as the run goes on in the database of the last.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from accounts.models import Organization
from backup import databases, sealed
from backup.copying import Copier, Fault, Unreadable, copy_hashed, sha256_of
from backup.errors import BackupError
from backup.ledger import Entry, Ledger, line
from backup.model_folders import ModelCopier
from backup.sealed import PARTIAL, Seal, SealedModel
from backup.wanted import wanted_by_rows
from common.disk import disk, file_bytes
from common.release import RELEASE
from common.storage import storage_root
from common.tenancy import every_organization
from config.env import Environment, secret_key
from jobs.models import Job
from jobs.transitions import ACTIVE
from registry.models import BaseModel
from stack.state import refuse_unfinished_restore
from workers.contract.atomic_files import sync_directory

ROUNDS = 6
SPARE_BYTES = 64 * 1024**2
FAULTS_NAMED = 100
LOCK = "backup.lock"


class Making:
    """One backup of the installation `env` into a new folder below `folder`."""

    def __init__(
        self, env: Environment, folder: Path, *, with_models: bool = False, say: Callable[[str], None]
    ) -> None:
        self._env = env
        self._folder = folder.expanduser().resolve()
        self._with_models = with_models
        self._say = say
        self._jobs_in_flight = 0

    def run(self) -> tuple[Path, Seal]:
        """Raises BackupError; whatever interrupts it leaves a folder that ends in `.partial`."""
        refuse_unfinished_restore(self._env.var)
        self._refuse_inside_storage()
        with (
            _one_at_a_time(self._folder),
            databases.loss_told(),
            databases.installed_database(self._env),
        ):
            try:
                return self._make()
            except (OSError, sqlite3.Error) as error:
                raise _disk_failed(self._folder, error) from error

    def _refuse_inside_storage(self) -> None:
        if self._folder.is_relative_to(storage_root()):
            raise BackupError("backup_inside_storage", "Choose a folder outside the installation's storage.")

    def _refuse_outdated_database(self) -> None:
        if not sealed.known_migrations() <= set(databases.applied_migrations()):
            raise BackupError(
                "backup_database_outdated",
                "The database has not been brought to this version yet. Start `manage.py up` once, or make the "
                "backup with the version that the database is of.",
            )

    def _make(self) -> tuple[Path, Seal]:
        self._refuse_outdated_database()
        id = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = self._begin(id)
        ledger = Ledger(target / "ledger.sqlite")
        try:
            before = self._remember_newest(ledger)
            copier = Copier(storage_root(), target, before, ledger, self._say)
            models = ModelCopier(target, ledger, copier, sealed.model_digests(before) if before else {})
            with every_organization("a backup holds every organization"):
                self._look(ledger)
                self._refuse_too_little_space(target, copier, models)
                faults = self._copy_in_rounds(target, ledger, copier)
                listed, more = self._models(models)
            self._secrets(target, ledger)
            _drop_unknown(target, ledger)
            return self._seal(target, id, ledger, listed, faults + more)
        finally:
            ledger.close()

    def _begin(self, id: str) -> Path:
        """A new folder, or that of an interrupted backup, whose files are verified as they are wanted."""
        target = self._folder / f"{id}{PARTIAL}"
        left = sorted(path for path in self._folder.iterdir() if path.suffix == PARTIAL and path.is_dir())
        if not left:
            target.mkdir(mode=0o700)
            return target
        self._say("going on where an interrupted backup ended")
        os.rename(left[-1], target)
        for path in left[:-1]:
            shutil.rmtree(path)
        return target

    def _remember_newest(self, ledger: Ledger) -> Path | None:
        for before in reversed(sealed.complete_backups(self._folder)):
            try:
                ledger.remember(sealed.entries_of(before, sealed.read_seal(before)))
            except BackupError as error:
                self._say(f"the earlier backup {before.name} is passed over ({error.code})")
            else:
                return before
        return None

    # -- the rounds -------------------------------------------------------------------------------------
    def _copy_in_rounds(self, target: Path, ledger: Ledger, copier: Copier) -> list[Fault]:
        """After the first look, by which the room on the disk was judged."""
        gone = set(copier.take_all(last=False))
        for _round in range(ROUNDS):
            self._look(ledger, dump=target / sealed.DUMP)
            faults = copier.take_all(last=True)
            if set(faults) <= gone:
                ledger.stale()
                return faults
            gone = set(faults)
            self._say("files were deleted meanwhile, or cannot be read; looking again")
        raise BackupError(
            "backup_unsettled",
            f"Files were deleted during each of {ROUNDS} looks at the database. Repeat the backup at a calmer hour.",
        )

    def _look(self, ledger: Ledger, dump: Path | None = None) -> None:
        """What the rows name at one moment; with `dump`, the database of exactly that moment, too."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            ledger.want(wanted_by_rows())
            if dump is None:
                return
            self._say("dumping the database")
            cursor.execute("SELECT pg_export_snapshot()")
            databases.dump(dump, str(cursor.fetchone()[0]))
            self._migrations = databases.applied_migrations()
            self._organizations = Organization.objects.count()
            self._jobs_in_flight = Job.objects.filter(state__in=ACTIVE).count()
        ledger.put(Entry(sealed.DUMP, dump.stat().st_size, sha256_of(dump)))

    def _refuse_too_little_space(self, target: Path, copier: Copier, models: ModelCopier) -> None:
        dump = max(0, databases.database_bytes() - file_bytes(target / sealed.DUMP))
        folders = (
            sum(models.bytes_to_copy(model) for model in BaseModel.objects.all()) if self._with_models else 0
        )
        needed, spare = copier.bytes_to_copy() + dump + folders, self._spare_bytes()
        free = shutil.disk_usage(self._folder).free
        if free < needed + spare:
            raise BackupError(
                "backup_disk_too_small",
                f"The backup may need {needed / 1e6:.0f} MB, and {spare / 1e6:.0f} MB have to stay free, but "
                f"{self._folder} has {free / 1e6:.0f} MB left. Remove old backups or choose another disk.",
            )

    def _spare_bytes(self) -> int:
        """What must stay free. On the storage's own disk a backup must not stop the installation."""
        storage = storage_root()
        shared = storage.exists() and storage.stat().st_dev == self._folder.stat().st_dev
        return max(SPARE_BYTES, disk(storage).floor) if shared else SPARE_BYTES

    # -- what lies outside the storage --------------------------------------------------------------------
    def _models(self, copier: ModelCopier) -> tuple[list[SealedModel], list[Fault]]:
        listed: list[SealedModel] = []
        faults: list[Fault] = []
        for model in BaseModel.objects.order_by("name"):
            included = False
            if self._with_models:
                self._say(f"copying the base model {model.name}")
                found = copier.take(model)
                included = not found
                faults += found
            listed.append(
                SealedModel(name=model.name, digest=model.digest, path=model.path, included=included)
            )
        return listed, faults

    def _secrets(self, target: Path, ledger: Ledger) -> None:
        if self._env.secret_key:
            return  # kept by whoever sets the environment
        key = self._env.var / sealed.SECRET_KEY
        try:
            ledger.put(copy_hashed(key, target / sealed.SECRET_KEY))
        except FileNotFoundError as error:
            raise _key_unreadable(key, "it is missing") from error
        except Unreadable as error:
            raise _key_unreadable(key, error.reason) from error

    # -- the end --------------------------------------------------------------------------------------
    def _seal(
        self, target: Path, id: str, ledger: Ledger, models: list[SealedModel], faults: list[Fault]
    ) -> tuple[Path, Seal]:
        sealed.write_private(target / sealed.FILES, (line(entry) for entry in ledger.entries()))
        files, size = ledger.totals()
        ledger.close()
        seal = Seal(
            format=sealed.FORMAT,
            id=id,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            kosha=RELEASE,
            postgres=databases.server_major(),
            migrations=self._migrations,
            files=files,
            bytes=size,
            files_sha256=sha256_of(target / sealed.FILES),
            organizations=self._organizations,
            jobs_in_flight=self._jobs_in_flight,
            models=models,
            secret_key_fingerprint=fingerprint(secret_key(self._env)),
            faults=[f"{fault.path}: {fault.why}" for fault in faults[:FAULTS_NAMED]],
            fault_count=len(faults),
        )
        sealed.sync_disk(target)
        sealed.write_private(target / sealed.SEAL, [seal.model_dump_json(indent=1)])
        final = self._folder / id
        os.rename(target, final)
        sync_directory(self._folder)
        return final, seal


def fingerprint(key: str) -> str:
    return salted_hmac("kosha.backup", "key", secret=key, algorithm="sha256").hexdigest()[:16]


def _drop_unknown(target: Path, ledger: Ledger) -> None:
    """What an interrupted backup or an earlier round left, and nobody wants any more: deleted documents."""
    for directory, _, names in os.walk(target):
        for name in names:
            path = Path(directory, name)
            inside = path.relative_to(target).as_posix()
            if inside != "ledger.sqlite" and not ledger.knows(inside):
                path.unlink()


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / LOCK).touch(mode=0o600)
    except OSError as error:
        raise _disk_failed(folder, error) from error
    with open(folder / LOCK, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(
                "backup_already_running", f"Another backup into {folder} is running. Wait for its end."
            ) from None
        yield


def _key_unreadable(key: Path, reason: str) -> BackupError:
    return BackupError(
        "secret_key_unreadable",
        f"The signing key {key} cannot be read ({reason}), and a backup without it is not whole. "
        "See to its disk and its permissions, and repeat the command.",
    )


def _disk_failed(folder: Path, error: Exception) -> BackupError:
    reason = error.strerror if isinstance(error, OSError) else error
    return BackupError(
        "backup_disk_failed",
        f"The disk of {folder} refused to take the backup ({reason}). "
        "Make room or choose another disk, and repeat the command.",
    )
