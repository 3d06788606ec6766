"""The finished backup: a folder that its `backup.json`, written last, makes one.

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
from typing import Any

from django.db.migrations.loader import MigrationLoader
from pydantic import BaseModel, ConfigDict, ValidationError

from backup.copying import Fault, is_inner, sha256_of
from backup.errors import BackupError
from backup.ledger import Entry, read_lines
from common.release import RELEASE
from workers.contract.atomic_files import PRIVATE, write_whole

FORMAT = 1
SEAL = "backup.json"
FILES = "files.jsonl"
DUMP = "database.dump"
SECRET_KEY = "secret_key"  # noqa: S105 - the name of a file
MODELS = "models"
PARTIAL = ".partial"


class SealedModel(BaseModel):
    """A base model that rows refer to; its files lie outside the storage."""

    model_config = ConfigDict(frozen=True)

    name: str
    digest: str
    path: str
    included: bool


class Seal(BaseModel):
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
    models: list[SealedModel]
    secret_key_fingerprint: str
    """Tells whether an installation has the same key, and nothing else about it."""
    faults: list[str]
    """What the installation itself had lost or damaged, or could not read, when it was backed up."""
    fault_count: int


def write_private(path: Path, content: Iterable[str]) -> None:
    write_whole(path, (piece.encode() for piece in content), mode=PRIVATE)


def sync_disk(folder: Path) -> None:
    """Everything written so far is on the disk; one call, where fsync would be one for each file."""
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
    return sorted(path for path in folder.iterdir() if path.suffix != PARTIAL and (path / SEAL).is_file())


def find_backup(path: Path) -> Path:
    """The backup at `path`, or the newest complete one in the folder of backups that `path` is."""
    if (path / SEAL).is_file() and path.suffix != PARTIAL:
        return path
    found = complete_backups(path)
    if not found:
        raise BackupError(
            "backup_not_found",
            f"There is no complete backup at {path}. An interrupted one ends in {PARTIAL} and cannot be used.",
        )
    return found[-1]


def read_seal(backup: Path) -> Seal:
    """Raises BackupError `backup_damaged`, `backup_is_newer`."""
    try:
        content: dict[str, Any] = json.loads((backup / SEAL).read_bytes())
        version = int(content["format"])
    except (OSError, ValueError, KeyError, TypeError):
        raise _damaged(backup, SEAL) from None
    if version > FORMAT:
        raise _newer(content.get("kosha", "?"))
    try:
        seal = Seal.model_validate(content)
    except ValidationError:
        raise _damaged(backup, SEAL) from None
    if not set(seal.migrations) <= known_migrations():
        raise _newer(seal.kosha)
    return seal


def model_digests(backup: Path) -> dict[str, str]:
    """Those of the base models that the backup holds, by name."""
    return {model.name: model.digest for model in read_seal(backup).models if model.included}


def known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or {}}


def _newer(version: str) -> BackupError:
    return BackupError(
        "backup_is_newer",
        f"The backup was made by Kosha {version}, whose database this version ({RELEASE}) does not "
        "know. Install that version or a newer one and restore with it.",
    )


def _damaged(backup: Path, file: str) -> BackupError:
    return BackupError(
        "backup_damaged",
        f"{file} of the backup {backup.name} is damaged or missing; the backup cannot be trusted. Take another one.",
    )


def entries_of(backup: Path, seal: Seal) -> Iterator[Entry]:
    """The files of a backup, after its list was verified."""
    try:
        if sha256_of(backup / FILES) != seal.files_sha256:
            raise _damaged(backup, FILES)
    except OSError:
        raise _damaged(backup, FILES) from None
    for entry in read_lines(backup / FILES):
        if not is_inner(entry.path):
            raise _damaged(backup, FILES)
        yield entry


def verify(backup: Path, seal: Seal, say: Callable[[str], None]) -> list[Fault]:
    """Read every byte; what is missing, changed or unreadable."""
    faults = []
    for number, entry in enumerate(entries_of(backup, seal), 1):
        if why := _fault(backup / entry.path, entry):
            faults.append(Fault(entry.path, why))
        if number % 10_000 == 0:
            say(f"{number} of {seal.files} files verified")
    return faults


def _fault(path: Path, entry: Entry) -> str:
    try:
        if path.is_symlink() or path.stat().st_size != entry.size:
            return "has another size"
        return "" if sha256_of(path) == entry.sha256 else "has other content"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def refuse_damaged(backup: Path, seal: Seal, say: Callable[[str], None]) -> None:
    faults = verify(backup, seal, say)
    if faults:
        raise BackupError(
            "backup_damaged",
            f"{len(faults)} files of the backup {backup.name} are damaged, first {faults[0].path}, which "
            f"{faults[0].why}; the backup cannot be trusted. Take another one.",
        )
