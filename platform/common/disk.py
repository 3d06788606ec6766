"""The free space of the disks that the installation stores on, and the limits on its use.

There are two limits. Both are settings, and both are scaled down on small disks:

- *floor*: below it nothing is stored. Uploads are refused, and runs that can be resumed are stopped after a
  checkpoint. PostgreSQL is usually on the same disk, which must never become full;
- *reserve*: a job starts only if its need fits above it. The space between the two absorbs errors of the
  estimates, so that a job is not started and stopped repeatedly.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from common.errors import InsufficientStorage

UNUSABLE = (errno.EROFS, errno.EIO, errno.ESTALE)
GIBIBYTE = 1 << 30
FLOOR = (GIBIBYTE, 20)
RESERVE = (2 * GIBIBYTE, 10)
"""The defaults: a number of bytes, and the largest part of the disk as its divisor."""


@dataclass(frozen=True)
class Disk:
    total: int
    free: int
    """Bytes that an unprivileged process can write."""
    floor: int
    reserve: int

    @property
    def is_full(self) -> bool:
        return self.free < self.floor

    @property
    def is_low(self) -> bool:
        return self.free < self.reserve


def disk(folder: Path | None = None) -> Disk:
    """The disk of `folder`, or of the storage, as it is now."""
    usage = shutil.disk_usage(nearest_existing(folder or settings.KOSHA_STORAGE_ROOT))
    floor = _mark(settings.KOSHA_DISK_FLOOR_BYTES, FLOOR, usage.total)
    reserve = _mark(settings.KOSHA_DISK_RESERVE_BYTES, RESERVE, usage.total)
    return Disk(usage.total, usage.free, floor, max(reserve, floor))


def have_room(needs: Mapping[Path, int]) -> bool:
    """Whether the free space stays above every floor once each folder holds so many more bytes. The folders may
    share a disk."""
    folders, sizes = {}, Counter[int]()
    for folder, size in needs.items():
        device = nearest_existing(folder).stat().st_dev
        folders[device] = folder
        sizes[device] += size
    disks = {device: disk(folder) for device, folder in folders.items()}
    return all(disks[device].free - size >= disks[device].floor for device, size in sizes.items())


def refuse_without_room(size: int, *, param: str | None = None) -> None:
    """Raise InsufficientStorage if the storage has no room for `size` more bytes."""
    if not have_room({settings.KOSHA_STORAGE_ROOT: size}):
        raise InsufficientStorage(param)


def is_disk_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_storage_away(error: BaseException | None) -> bool:
    """Whether the disk of the storage is mounted read-only, broken, or lost by its server.

    If the error names a file, the file must be in the storage or in the folder of incoming bodies. Errors of
    reading and writing name none; a request reads and writes nothing else that can fail in this way.
    """
    if not isinstance(error, OSError) or error.errno not in UNUSABLE:
        return False
    if not isinstance(error.filename, str | bytes):
        return True
    path = Path(os.fsdecode(error.filename)).absolute()
    folders = (settings.KOSHA_STORAGE_ROOT, settings.FILE_UPLOAD_TEMP_DIR)
    return any(path.is_relative_to(Path(folder).absolute()) for folder in folders)


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder; a file that is deleted meanwhile counts as 0."""
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            total += file_bytes(Path(directory, name))
    return total


def file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _mark(chosen: int | None, default: tuple[int, int], total: int) -> int:
    if chosen is not None:
        return chosen
    most, part = default
    return min(most, total // part)


def nearest_existing(folder: Path) -> Path:
    """The folder, or its nearest existing parent: a folder is made when something is first stored in it."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
