"""A finished backup: a folder that is complete once it has its `backup.json`, which is written last.

<backup>/backup.json      what it is, and the sha256 of files.jsonl
<backup>/files.jsonl      every other file: [path, size, sha256]
<backup>/database.dump    pg_dump's custom format
<backup>/secret_key       unless the environment gives it
<backup>/storage/…        as in KOSHA_VAR
<backup>/models/<name>/…  base models, where they were asked for
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from django.db.migrations.loader import MigrationLoader
from pydantic import BaseModel, ConfigDict, ValidationError

from backup.catalog import Entry
from backup.copying import Fault, is_inner, sha256_of
from backup.errors import BackupError
from common.release import RELEASE
from workers.contract.atomic_files import PRIVATE, write_whole

FORMAT = 1
INFO = "backup.json"
FILES = "files.jsonl"
DUMP = "database.dump"
SECRET_KEY = "secret_key"  # noqa: S105 - the name of a file
MODELS = "models"
PARTIAL = ".partial"


class ModelInfo(BaseModel):
    """A base model that rows refer to; its files lie outside the storage."""

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str
    path: str
    included: bool


class BackupInfo(BaseModel):
    """The content of `backup.json`."""

    model_config = ConfigDict(frozen=True)

    format: int
    id: str
    created_at: str
    kosha: str
    """The version that made it."""
    postgres: int
    """The server's major version."""
    migrations: list[str]
    files: int
    bytes: int
    files_sha256: str
    organizations: int
    jobs_in_flight: int
    models: list[ModelInfo]
    secret_key_fingerprint: str
    """Shows whether an installation has the same key, and nothing else about it."""
    faults: list[str]
    """What the installation itself had lost or damaged, or could not read, when it was backed up."""
    fault_count: int


def sync_disk(folder: Path) -> None:
    """Flush everything written so far to the disk; one call, where fsync would be one for each file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


# -- finding and reading one ------------------------------------------------------------------------
def complete_backups(folder: Path) -> list[Path]:
    """The finished backups in `folder`, oldest first; their names are their times."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix != PARTIAL and (path / INFO).is_file())


def find_backup(path: Path) -> Path:
    """The backup at `path`, or the newest complete one in the folder of backups `path`."""
    if (path / INFO).is_file() and path.suffix != PARTIAL:
        return path
    found = complete_backups(path)
    if not found:
        raise BackupError(
            "backup_not_found",
            f"There is no complete backup at {path}. An interrupted one ends in {PARTIAL} and cannot be used.",
        )
    return found[-1]


def read_info(backup: Path) -> BackupInfo:
    """Raises BackupError `backup_damaged`, `backup_is_newer`."""
    try:
        content = json.loads((backup / INFO).read_bytes())
        is_newer, version = int(content["format"]) > FORMAT, content.get("kosha", "?")
        if not is_newer:
            info = BackupInfo.model_validate(content)
            is_newer = not set(info.migrations) <= known_migrations()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
        raise _damaged(backup, INFO) from None
    if is_newer:
        raise BackupError(
            "backup_is_newer",
            f"The backup was made by Kosha {version}, whose database this version ({RELEASE}) does not "
            "know. Install that version or a newer one and restore with it.",
        )
    return info


def known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or {}}


def _damaged(backup: Path, file: str) -> BackupError:
    return BackupError(
        "backup_damaged",
        f"{file} of the backup {backup.name} is damaged or missing, so the backup cannot be trusted. Use another one.",
    )


def write_entries(backup: Path, entries: Iterable[Entry]) -> None:
    lines = (json.dumps([one.path, one.size, one.sha256], ensure_ascii=False) for one in entries)
    write_whole(backup / FILES, (f"{line}\n".encode() for line in lines), mode=PRIVATE)


def entries_of(backup: Path, info: BackupInfo) -> Iterator[Entry]:
    """The files of a backup, after its list was verified."""
    try:
        is_right = sha256_of(backup / FILES) == info.files_sha256
    except OSError:
        is_right = False
    if not is_right:
        raise _damaged(backup, FILES)
    with open(backup / FILES, encoding="utf-8") as file:
        for line in file:
            entry = Entry(*json.loads(line))
            if not is_inner(entry.path):
                raise _damaged(backup, FILES)
            yield entry


def verify(backup: Path, info: BackupInfo, progress: Callable[[str], None]) -> list[Fault]:
    """Read every byte; what is missing, changed or unreadable."""
    faults = []
    for number, entry in enumerate(entries_of(backup, info), 1):
        path, reason = backup / entry.path, ""
        try:
            if path.is_symlink() or path.stat().st_size != entry.size:
                reason = "has another size"
            elif sha256_of(path) != entry.sha256:
                reason = "has other content"
        except FileNotFoundError:
            reason = "is missing"
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
        if reason:
            faults.append(Fault(entry.path, reason))
        if number % 10_000 == 0:
            progress(f"{number} of {info.files} files verified")
    return faults


def refuse_damaged(backup: Path, info: BackupInfo, progress: Callable[[str], None]) -> None:
    faults = verify(backup, info, progress)
    if faults:
        raise BackupError(
            "backup_damaged",
            f"{len(faults)} files of the backup {backup.name} are damaged, the first is {faults[0].path}, which "
            f"{faults[0].reason}. The backup cannot be trusted. Use another one.",
        )
