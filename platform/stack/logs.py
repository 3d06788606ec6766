"""The services' logs: each bounded, so that a year of complaints does not fill the disk."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

LOG_BYTES = 10 * 1024**2
LOG_GENERATIONS = 3


def rotate(log: Path, limit: int = LOG_BYTES, generations: int = LOG_GENERATIONS) -> None:
    """Keep `log` below about `limit` bytes: copy it aside, then truncate the file its writer appends to.

    Where there is no room for the copy, the log is cut all the same: that makes room.
    """
    with suppress(OSError):
        if log.stat().st_size <= limit:
            return
        for number in range(generations - 1, 0, -1):
            older = log.with_name(f"{log.name}.{number}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number + 1}"))
        copy = log.with_name(f"{log.name}.1")
        try:
            shutil.copyfile(log, copy)
        except OSError:
            copy.unlink(missing_ok=True)
        os.truncate(log, 0)
