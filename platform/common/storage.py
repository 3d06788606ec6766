"""Where bytes live: content-addressed originals, immutable artefacts, run folders.

    <root>/organizations/<organization>/blobs/<ab>/<sha256>
    <root>/organizations/<organization>/incoming/             (streams that are still arriving)
    <root>/organizations/<organization>/parts/<upload>/<part>
    <root>/organizations/<organization>/<kind>/<id>/          (datasets, models, indexes, evaluations, ...)
    <root>/runs/<job>/<fence>/                                (owned by the job engine)

Everything appears by rename, so a reader sees a whole file or folder, or none.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from common.disk import refuse_without_room

ROOM_LOOK_BYTES = 16 * 1024 * 1024
"""The free space is looked at each time so much has been written."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Incoming:
    """A stream that has been received whole and is not yet in its place."""

    path: Path
    sha256: str
    size: int

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class SizeExceeded(Exception):
    """The stream was longer than allowed; nothing was kept."""


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
    """Write a stream to disk and compute its sha256 on the way.

    Raises SizeExceeded as soon as more than `maximum_bytes` have come, InsufficientStorage before the
    disk is full, and leaves nothing behind.
    """
    folder = _organization_root(organization_id) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    digest, size, looked_at = hashlib.sha256(), 0, 0
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
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
            raise
    return Incoming(Path(file.name), digest.hexdigest(), size)


def blob_keep(organization_id: str, incoming: Incoming) -> None:
    """Put what was received under its sha256, where the same bytes may lie already.

    Call it in the transaction that makes the row which refers to it, under the same lock as
    `blob_delete`: a deletion that has just counted the references must not erase it.
    """
    _appear(incoming.path, blob_path(organization_id, incoming.sha256))


def blob_delete(organization_id: str, sha256: str) -> None:
    blob_path(organization_id, sha256).unlink(missing_ok=True)


# -- uploads in parts ---------------------------------------------------------------------------
def part_path(organization_id: str, upload_id: str, part_id: str) -> Path:
    return _parts_folder(organization_id, upload_id) / _safe(part_id)


def part_keep(organization_id: str, upload_id: str, part_id: str, incoming: Incoming) -> None:
    _appear(incoming.path, part_path(organization_id, upload_id, part_id))


def parts_delete(organization_id: str, upload_id: str) -> None:
    shutil.rmtree(_parts_folder(organization_id, upload_id), ignore_errors=True)


def _parts_folder(organization_id: str, upload_id: str) -> Path:
    return _organization_root(organization_id) / "parts" / _safe(upload_id)


# -- artefacts ------------------------------------------------------------------------------
def artifact_path(organization_id: str, kind: str, id: str) -> Path:
    return _organization_root(organization_id) / _safe(kind) / _safe(id)


def artifact_adopt(source: Path, organization_id: str, kind: str, id: str) -> Path:
    """Move a finished folder into its immutable place; a second call finds it there and is done."""
    target = artifact_path(organization_id, kind, id)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(source, target)
    except OSError:
        # Another file system: copy beside the target first, then appear by rename.
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(source, partial)
        os.rename(partial, target)
        shutil.rmtree(source, ignore_errors=True)
    _sync(target.parent)
    return target


def artifact_delete(organization_id: str, kind: str, id: str) -> None:
    shutil.rmtree(artifact_path(organization_id, kind, id), ignore_errors=True)


# -- runs -----------------------------------------------------------------------------------
def runs_root() -> Path:
    return storage_root() / "runs"


def run_path(job_id: str, fence: int) -> Path:
    return runs_root() / _safe(job_id) / str(int(fence))


def _appear(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
