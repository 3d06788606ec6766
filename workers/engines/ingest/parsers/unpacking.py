"""The files in a ZIP archive, with the names that their owner gave them."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.encodings import decode
from workers.engines.shared.runtime import UserError

_UTF8_NAME = 0x800
_OF_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems leave in folders; nobody has written it."""


def packed_files(content: bytes, max_expanded_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Name with folders, and content, of each file.

    Raises UserError `damaged_file`, `encrypted`, `archive_too_large`, and `unsafe_archive` where a name leads out of the
    archive or an entry is a link.
    """
    check_archive(io.BytesIO(content), max_expanded_bytes)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [(entry, _name(entry)) for entry in archive.infolist()]
        for entry, name in entries:
            _refuse_unsafe(entry, name)
        for entry, name in entries:
            if not entry.is_dir() and not set(PurePosixPath(name).parts).intersection(_OF_SYSTEMS):
                yield name, archive.read(entry)


def _name(entry: zipfile.ZipInfo) -> str:
    """Python reads a name that is not marked as UTF-8 as cp437. Windows in Japan writes cp932, and macOS UTF-8 all the same."""
    if entry.flag_bits & _UTF8_NAME or entry.filename.isascii():
        return entry.filename
    try:
        return decode(entry.filename.encode("cp437"))
    except (UnicodeEncodeError, UserError):
        return entry.filename


def _refuse_unsafe(entry: zipfile.ZipInfo, name: str) -> None:
    path = name.replace("\\", "/")
    is_outside = path.startswith("/") or path[1:2] == ":" or ".." in path.split("/")
    if is_outside or stat.S_ISLNK(entry.external_attr >> 16):
        raise UserError(
            "unsafe_archive",
            "The archive holds a link, or a name that leads out of it. Pack the files again and upload the new archive.",
        )
