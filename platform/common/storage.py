"""The files of the installation: content-addressed originals, immutable artifacts, run folders.

    <root>/organizations/<organization>/blobs/<ab>/<sha256>
    <root>/organizations/<organization>/incoming/             (streams that are being received)
    <root>/organizations/<organization>/parts/<upload>/<part>
    <root>/organizations/<organization>/<kind>/<id>/          (datasets, models, indexes, evaluations, ...)
    <root>/runs/<job>/<fence>/                                (owned by the job engine)

Everything is put in place by renaming, so that a reader finds a complete file or folder, or none.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from common.disk import refuse_without_room
from workers.contract.atomic_files import sync_directory

ROOM_LOOK_BYTES = 16 * 1024 * 1024
"""The free space is checked each time this many bytes have been written."""
COPY_BYTES = 1024 * 1024
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Incoming:
    """A stream that was received completely.

    Its file remains locked until it is known whether the row that refers to the bytes was committed: until the end of
    a `with` around the transaction. If the process ends before, the lock is released and `abandoned` finds the file.
    """

    path: Path
    sha256: str
    size: int
    file: IO[bytes]

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.discard() if kind is None else self.abandon()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.file.close()

    def abandon(self) -> None:
        """If the bytes are in their place already, the sweep determines whether a row refers to them."""
        if os.fstat(self.file.fileno()).st_nlink == 1:
            self.discard()
        self.file.close()


def file_chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(COPY_BYTES):
            yield chunk


class SizeExceeded(Exception):
    """The stream was longer than allowed; nothing was stored."""


def storage_root() -> Path:
    return Path(settings.KOSHA_STORAGE_ROOT)


def _organization_root(organization_id: str) -> Path:
    return storage_root() / "organizations" / _safe(organization_id)


def _safe(name: str) -> str:
    if not _SAFE_NAME.fullmatch(name):
        raise ValueError("a storage name holds letters, digits, - and _ only")
    return name


# -- originals ------------------------------------------------------------------------------
def blob_path(organization_id: str, sha256: str) -> Path:
    return _organization_root(organization_id) / "blobs" / sha256[:2] / _safe(sha256)


def receive(organization_id: str, chunks: Iterable[bytes], *, maximum_bytes: int) -> Incoming:
    """Write a stream to disk and compute its sha256 meanwhile.

    Raises SizeExceeded as soon as more than `maximum_bytes` have arrived, and InsufficientStorage before the disk is
    full. After an error no file remains.
    """
    folder = _organization_root(organization_id) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    digest, size, looked_at = hashlib.sha256(), 0, 0
    file = _locked_file(folder)
    try:
        for chunk in chunks:
            if size >= looked_at:
                refuse_without_room(ROOM_LOOK_BYTES)
                looked_at += ROOM_LOOK_BYTES
            size += len(chunk)
            if size > maximum_bytes:
                raise SizeExceeded
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    except BaseException:
        os.unlink(file.name)
        with suppress(OSError):  # close tries again to write what could not be written
            file.close()
        raise
    return Incoming(Path(file.name), digest.hexdigest(), size, file)


def _locked_file(folder: Path) -> IO[bytes]:
    """A new file whose lock shows that it is in use."""
    while True:
        file = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115 - outlives this call
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        # The sweep deleted it in the moment before it was locked.
        file.close()


def abandoned() -> Iterator[tuple[str, Path, str]]:
    """(organization, path, sha256) of every stream whose process ended; the caller unlinks the path."""
    for path in storage_root().glob("organizations/*/incoming/*"):
        with suppress(FileNotFoundError, BlockingIOError), open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield path.parents[1].name, path, hashlib.file_digest(file, "sha256").hexdigest()


def blob_keep(organization_id: str, incoming: Incoming) -> None:
    """Store what was received under its sha256, where the same bytes may exist already.

    Call it in the transaction that creates the referring row, under the same lock as `blob_delete`: a deletion that has
    just counted the references must not erase it.
    """
    _link(incoming.path, blob_path(organization_id, incoming.sha256))


def _link(source: Path, target: Path) -> None:
    """Make `target` a second name of the file `source`; an existing target is replaced."""
    _make_folder(target.parent)
    # Beside the source, where the sweep finds it if the process ends now.
    beside = source.with_name(f"{source.name}.named")
    os.link(source, beside)
    os.replace(beside, target)
    sync_directory(target.parent)


def _make_folder(path: Path) -> None:
    """Also the folder's own name survives a power failure."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_directory(path.parent)


def blob_delete(organization_id: str, sha256: str) -> None:
    blob_path(organization_id, sha256).unlink(missing_ok=True)


# -- uploads in parts ---------------------------------------------------------------------------
def part_path(organization_id: str, upload_id: str, part_id: str) -> Path:
    return _parts_folder(organization_id, upload_id) / _safe(part_id)


def part_keep(organization_id: str, upload_id: str, part_id: str, incoming: Incoming) -> None:
    _link(incoming.path, part_path(organization_id, upload_id, part_id))


def parts_delete(organization_id: str, upload_id: str) -> None:
    shutil.rmtree(_parts_folder(organization_id, upload_id), ignore_errors=True)


def parts_keep_only(organization_id: str, upload_id: str, part_ids: set[str]) -> None:
    for path in _parts_folder(organization_id, upload_id).glob("*"):
        if path.name not in part_ids:
            path.unlink(missing_ok=True)


def parts_folders() -> Iterator[tuple[str, str]]:
    """(organization, upload) of every upload that has stored parts."""
    for path in storage_root().glob("organizations/*/parts/*"):
        yield path.parents[1].name, path.name


def _parts_folder(organization_id: str, upload_id: str) -> Path:
    return _organization_root(organization_id) / "parts" / _safe(upload_id)


# -- artifacts ------------------------------------------------------------------------------
class ArtifactLost(Exception):
    """The folder to adopt is gone, and it was not adopted before."""


def artifact_path(organization_id: str, kind: str, id: str) -> Path:
    return _organization_root(organization_id) / _safe(kind) / _safe(id)


def artifact_adopt(source: Path, organization_id: str, kind: str, id: str) -> Path:
    """Move a finished folder to its immutable place; a second call changes nothing.

    Raises ArtifactLost if the folder is gone while its disk is available.
    """
    target = artifact_path(organization_id, kind, id)
    if target.exists():
        return target
    _make_folder(target.parent)
    try:
        os.rename(source, target)
    except FileNotFoundError as error:
        if runs_root().is_dir():
            raise ArtifactLost(source.name) from error
        raise
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system: copy beside the target first, then rename.
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
        os.rename(partial, target)
        # It is renamed first, so that after a crash it is found complete or not at all.
        adopted = source.with_name(f"{source.name}.adopted")
        os.rename(source, adopted)
        shutil.rmtree(adopted, ignore_errors=True)
    sync_directory(target.parent)
    return target


def artifact_delete(organization_id: str, kind: str, id: str) -> None:
    shutil.rmtree(artifact_path(organization_id, kind, id), ignore_errors=True)


# -- runs -----------------------------------------------------------------------------------
def runs_root() -> Path:
    return storage_root() / "runs"


def run_path(job_id: str, fence: int) -> Path:
    return runs_root() / _safe(job_id) / str(int(fence))


def run_folders() -> Iterator[str]:
    """The ids of the jobs that have a run folder."""
    with suppress(FileNotFoundError), os.scandir(runs_root()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield entry.name


def run_folder_delete(job_id: str) -> None:
    """Delete the folders of all attempts; the next call completes a partial deletion."""
    with suppress(FileNotFoundError):
        shutil.rmtree(runs_root() / _safe(job_id))
