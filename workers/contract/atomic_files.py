"""Files that a reader sees whole or not at all, also after a loss of power: temporary file, fsync, rename."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PRIVATE = 0o600
"""The mode of files that only their owner may read, such as those with passwords."""


def write_whole(path: Path, content: Iterable[bytes], *, mode: int = 0o666) -> None:
    """Write the pieces of `content` to `path`, replacing what was there; it is on the disk when this returns.

    `mode` as for `os.open`. Where writing fails, `path` is what it was and nothing is left beside it.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except Exception:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_json(path: Path, value: Any, *, mode: int = 0o666) -> None:
    write_whole(path, [json_content(value)], mode=mode)


def json_content(value: Any) -> bytes:
    """What `write_json` writes."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def sync_directory(path: Path) -> None:
    """Make a rename inside `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
