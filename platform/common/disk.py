"""How much room is left where the installation stores things, and how much of it nobody may take.

Two marks, both settings, both scaled down on small disks:

- *floor*: below it nothing is stored any more: uploads are refused and runs that can are stopped
  after a checkpoint. PostgreSQL most often lives on the same disk and must never find it full;
- *reserve*: a job is only started where its need fits above it. The room between the two is for
  what estimates got wrong, and keeps a job from being started and stopped in turn.
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

AWAY = (errno.EROFS, errno.EIO, errno.ESTALE)
GIBIBYTE = 1 << 30
FLOOR = (GIBIBYTE, 20)
RESERVE = (2 * GIBIBYTE, 10)
"""Where the settings name none: so many bytes, but no more than one part in so many of the disk."""


@dataclass(frozen=True)
class Disk:
    total: int
    free: int
    """Bytes an ordinary process may still write."""
    floor: int
    reserve: int

    @property
    def is_full(self) -> bool:
        return self.free < self.floor

    @property
    def is_low(self) -> bool:
        return self.free < self.reserve


def disk(folder: Path | None = None) -> Disk:
    """The disk under `folder`, or under the storage, as it is now."""
    usage = shutil.disk_usage(_existing(folder or Path(settings.KOSHA_STORAGE_ROOT)))
    floor = _mark(settings.KOSHA_DISK_FLOOR_BYTES, FLOOR, usage.total)
    reserve = _mark(settings.KOSHA_DISK_RESERVE_BYTES, RESERVE, usage.total)
    return Disk(usage.total, usage.free, floor, max(reserve, floor))


def has_room(size: int) -> bool:
    """Whether `size` more bytes leave the floor untouched."""
    return have_room({Path(settings.KOSHA_STORAGE_ROOT): size})


def have_room(needs: Mapping[Path, int]) -> bool:
    """Whether so many more bytes in each folder leave every floor untouched; the folders may share a disk."""
    folders, sizes = {}, Counter[int]()
    for folder, size in needs.items():
        device = _existing(folder).stat().st_dev
        folders[device] = folder
        sizes[device] += size
    disks = {device: disk(folder) for device, folder in folders.items()}
    return all(disks[device].free - size >= disks[device].floor for device, size in sizes.items())


def refuse_without_room(size: int, *, param: str | None = None) -> None:
    if not has_room(size):
        raise InsufficientStorage(param)


def is_disk_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_storage_away(error: BaseException | None) -> bool:
    """The disk refuses: mounted read-only, broken, or no longer known to the server it lies on.

    Where a file is named, it must be one of ours. Reading and writing name none; nothing else that a
    request reads or writes ends so.
    """
    if not isinstance(error, OSError) or error.errno not in AWAY:
        return False
    return not isinstance(error.filename, str | bytes) or _is_stored(Path(os.fsdecode(error.filename)))


def _is_stored(path: Path) -> bool:
    """In the storage, or where bodies wait on their way to it."""
    folders = (Path(settings.KOSHA_STORAGE_ROOT), Path(settings.FILE_UPLOAD_TEMP_DIR))
    return any(path.absolute().is_relative_to(folder.absolute()) for folder in folders)


def folder_bytes(folder: Path) -> int:
    """What lies in a folder; files that vanish meanwhile count nothing."""
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


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it: it is made with the first thing that is stored."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
