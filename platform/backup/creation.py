"""Make a backup while jobs run and uploads arrive.

Files are written before the row that names them and never change. So files that are copied after the database was read
are complete, except for those that were deleted in between. Therefore a backup works in rounds:

    read the database (no dump), copy     most of the work; the database changes meanwhile
    read and dump the database, copy      little is left to copy; the backup is done, unless a file was missing
    …                                     until none is missing, or the same ones twice

"Read" and "dump" use one snapshot of the database. A file that is missing in two rounds was not deleted in between: the
installation itself has lost it, and the backup names it as a fault. A file that cannot be read is treated alike. Only
checkpoints come and go while their run continues: those that one round has copied stay, as long as the run continues in
the database of the last round.
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
from backup import archive, databases
from backup.archive import PARTIAL, BackupInfo, ModelInfo
from backup.base_models import ModelCopier
from backup.catalog import Catalog, Entry
from backup.copying import Copier, Fault, Unreadable, copy_hashed, sha256_of
from backup.errors import BackupError
from backup.inventory import inventory
from common.disk import disk, file_bytes
from common.release import RELEASE
from common.storage import storage_root
from common.tenancy import every_organization
from config.env import Environment, secret_key
from jobs.models import Job
from jobs.transitions import ACTIVE
from registry.models import BaseModel
from stack.state import refuse_unfinished_restore
from workers.contract.atomic_files import PRIVATE, sync_directory, write_json

ROUNDS = 6
SPARE_BYTES = 64 * 1024**2
FAULTS_NAMED = 100
LOCK = "backup.lock"
CATALOG = "catalog.sqlite"


class BackupRun:
    """One backup of the installation `env` into a new folder below `folder`."""

    def __init__(
        self, env: Environment, folder: Path, *, with_models: bool = False, progress: Callable[[str], None]
    ) -> None:
        self._env = env
        self._folder = folder.expanduser().resolve()
        self._with_models = with_models
        self._progress = progress

    def run(self) -> tuple[Path, BackupInfo]:
        """Raises BackupError; an interruption leaves a folder whose name ends in `.partial`."""
        refuse_unfinished_restore(self._env.var)
        if self._folder.is_relative_to(storage_root()):
            raise BackupError("backup_inside_storage", "Choose a folder outside the installation's storage.")
        with (
            _one_at_a_time(self._folder),
            databases.connection_loss_refused(),
            databases.installed_database(self._env),
        ):
            if not archive.known_migrations() <= set(databases.applied_migrations()):
                raise BackupError(
                    "backup_database_outdated",
                    "The database has not been updated to this version yet. Start `manage.py up` once, or make the "
                    "backup with the version of the database.",
                )
            try:
                return self._make()
            except (OSError, sqlite3.Error) as error:
                raise _disk_failed(self._folder, error) from error

    def _make(self) -> tuple[Path, BackupInfo]:
        id = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._target = target = self._begin(id)
        self._catalog = catalog = Catalog(target / CATALOG)
        try:
            before, digests = self._remember_newest()
            copier = Copier(storage_root(), target, before, catalog, self._progress)
            models = ModelCopier(target, catalog, copier, digests)
            with every_organization("a backup holds every organization"):
                self._read_database()
                self._refuse_too_little_space(copier, models)
                faults = self._copy_in_rounds(copier)
                model_infos, model_faults = self._copy_models(models)
            self._copy_secret_key()
            self._remove_unknown()
            return self._finish(id, model_infos, faults + model_faults)
        finally:
            catalog.close()

    def _begin(self, id: str) -> Path:
        """A new folder, or that of an interrupted backup, whose files are verified when they are needed."""
        target = self._folder / f"{id}{PARTIAL}"
        left = sorted(path for path in self._folder.iterdir() if path.suffix == PARTIAL and path.is_dir())
        if not left:
            target.mkdir(mode=0o700)
            return target
        self._progress("continuing an interrupted backup")
        os.rename(left[-1], target)
        for path in left[:-1]:
            shutil.rmtree(path)
        return target

    def _remember_newest(self) -> tuple[Path | None, dict[str, str]]:
        """The newest backup that can be used, and the digests of the base models in it by name."""
        for before in reversed(archive.complete_backups(self._folder)):
            try:
                info = archive.read_info(before)
                self._catalog.remember(archive.entries_of(before, info))
            except BackupError as error:
                self._progress(f"the earlier backup {before.name} is not used ({error.code})")
            else:
                return before, {model.name: model.digest for model in info.models if model.included}
        return None, {}

    # -- the rounds -------------------------------------------------------------------------------------
    def _copy_in_rounds(self, copier: Copier) -> list[Fault]:
        """The database was read once before, to check the space on the disk."""
        missing = set(copier.take_all(is_last=False))
        for _round in range(ROUNDS):
            self._read_database(self._target / archive.DUMP)
            faults = copier.take_all(is_last=True)
            if set(faults) <= missing:
                self._catalog.forget_earlier_rounds()
                return faults
            missing = set(faults)
            self._progress("files were deleted meanwhile, or cannot be read; reading the database again")
        raise BackupError(
            "backup_unsettled",
            f"Files were deleted during each of {ROUNDS} rounds. Repeat the backup at a quieter hour.",
        )

    def _read_database(self, dump: Path | None = None) -> None:
        """What the rows name at one moment; with `dump`, also the database of exactly that moment."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self._catalog.begin_round(inventory())
            if dump is None:
                return
            self._progress("dumping the database")
            cursor.execute("SELECT pg_export_snapshot()")
            databases.dump(dump, str(cursor.fetchone()[0]))
            self._migrations = databases.applied_migrations()
            self._organizations = Organization.objects.count()
            self._jobs_in_flight = Job.objects.filter(state__in=ACTIVE).count()
        self._catalog.put(Entry(archive.DUMP, dump.stat().st_size, sha256_of(dump)))

    def _refuse_too_little_space(self, copier: Copier, models: ModelCopier) -> None:
        needed = copier.bytes_to_copy()
        needed += max(0, databases.database_bytes() - file_bytes(self._target / archive.DUMP))
        if self._with_models:
            needed += sum(models.bytes_to_copy(model) for model in BaseModel.objects.all())
        spare, storage = SPARE_BYTES, storage_root()
        if storage.exists() and storage.stat().st_dev == self._folder.stat().st_dev:
            # On the storage's own disk a backup must not stop the installation.
            spare = max(spare, disk(storage).floor)
        free = shutil.disk_usage(self._folder).free
        if free < needed + spare:
            raise BackupError(
                "backup_disk_too_small",
                f"The backup may need {needed / 1e6:.0f} MB, and {spare / 1e6:.0f} MB have to stay free, but "
                f"{self._folder} has {free / 1e6:.0f} MB left. Remove old backups or choose another disk.",
            )

    # -- what lies outside the storage --------------------------------------------------------------------
    def _copy_models(self, copier: ModelCopier) -> tuple[list[ModelInfo], list[Fault]]:
        infos: list[ModelInfo] = []
        faults: list[Fault] = []
        for model in BaseModel.objects.order_by("name"):
            found: list[Fault] = []
            if self._with_models:
                self._progress(f"copying the base model {model.name}")
                found = copier.take(model)
                faults += found
            included = self._with_models and not found
            infos.append(ModelInfo(name=model.name, digest=model.digest, path=model.path, included=included))
        return infos, faults

    def _copy_secret_key(self) -> None:
        if self._env.secret_key:
            return  # it comes from the environment, and is stored where that is set
        key = self._env.var / archive.SECRET_KEY
        try:
            self._catalog.put(copy_hashed(key, self._target / archive.SECRET_KEY))
        except (FileNotFoundError, Unreadable) as error:
            reason = error.reason if isinstance(error, Unreadable) else "it is missing"
            raise BackupError(
                "secret_key_unreadable",
                f"The signing key {key} cannot be read ({reason}), and a backup without it is not complete. "
                "Check its disk and its permissions, and repeat the command.",
            ) from error

    # -- the end --------------------------------------------------------------------------------------
    def _remove_unknown(self) -> None:
        """Remove what an interrupted backup or an earlier round has left and no row names: deleted documents."""
        for directory, _, names in os.walk(self._target):
            for path in (Path(directory, name) for name in names):
                inside = path.relative_to(self._target).as_posix()
                if inside != CATALOG and not self._catalog.knows(inside):
                    path.unlink()

    def _finish(self, id: str, models: list[ModelInfo], faults: list[Fault]) -> tuple[Path, BackupInfo]:
        target, catalog = self._target, self._catalog
        archive.write_entries(target, catalog.entries())
        files, size = catalog.totals()
        catalog.close()
        info = BackupInfo(
            format=archive.FORMAT,
            id=id,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            kosha=RELEASE,
            postgres=databases.server_major(),
            migrations=self._migrations,
            files=files,
            bytes=size,
            files_sha256=sha256_of(target / archive.FILES),
            organizations=self._organizations,
            jobs_in_flight=self._jobs_in_flight,
            models=models,
            secret_key_fingerprint=fingerprint(secret_key(self._env)),
            faults=[f"{fault.path}: {fault.reason}" for fault in faults[:FAULTS_NAMED]],
            fault_count=len(faults),
        )
        archive.sync_disk(target)
        write_json(target / archive.INFO, info.model_dump(), mode=PRIVATE)
        final = self._folder / id
        os.rename(target, final)
        sync_directory(self._folder)
        return final, info


def fingerprint(key: str) -> str:
    return salted_hmac("kosha.backup", "key", secret=key, algorithm="sha256").hexdigest()[:16]


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


def _disk_failed(folder: Path, error: Exception) -> BackupError:
    reason = error.strerror if isinstance(error, OSError) else error
    return BackupError(
        "backup_disk_failed",
        f"The disk of {folder} failed to store the backup ({reason}). "
        "Free some space or choose another disk, and repeat the command.",
    )
