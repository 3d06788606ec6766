"""The files in a ZIP archive, with the names that their owner gave them."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.encodings import decode
from workers.engines.shared.debris import is_debris
from workers.engines.shared.runtime import UserError

_UTF8_NAME = 0x800
_UNICODE_PATH = 0x7075
"""The extra field of Info-ZIP with the name in UTF-8."""


def packed_files(content: bytes, max_expanded_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Name with folders, and content, of each file that somebody has written.

    Raises UserError `damaged_file`, `encrypted`, `archive_too_large`, and `unsafe_archive` where a name leads out of the
    archive or an entry is a link.
    """
    file = io.BytesIO(content)
    entries = packed_entries(file, max_expanded_bytes)
    with zipfile.ZipFile(file) as archive:
        for entry, name in entries:
            if not is_debris(name):
                yield name, archive.read(entry)


def packed_entries(file: BinaryIO, max_expanded_bytes: int) -> list[tuple[zipfile.ZipInfo, str]]:
    """The files of an archive that was checked as a whole, with their names. Raises as `packed_files`."""
    check_archive(file, max_expanded_bytes, is_document=False)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    named = list(zip(entries, _names(entries), strict=True))
    for entry, name in named:
        _refuse_unsafe(entry, name)
    return [(entry, name) for entry, name in named if not entry.is_dir()]


def _names(entries: list[zipfile.ZipInfo]) -> list[str]:
    """Python reads a name that is not marked as UTF-8 as cp437. Windows in Japan writes cp932, and macOS UTF-8 all the same.

    One name may be too short to tell, so those of an archive are decoded together.
    """
    raw = {number: name for number, entry in enumerate(entries) if (name := _unmarked(entry))}
    together = _decoded(b"\n".join(raw.values()))
    split = together.split("\n") if together is not None else []
    if len(split) != len(raw):
        split = [_decoded(name) or "" for name in raw.values()]
    found = dict(zip(raw, split, strict=True))
    return [found.get(number) or _stated(entry) for number, entry in enumerate(entries)]


def _unmarked(entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a name whose encoding the archive does not state; empty for every other."""
    if entry.flag_bits & _UTF8_NAME or entry.filename.isascii() or _stated(entry) != entry.filename:
        return b""
    try:
        return entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return b""


def _stated(entry: zipfile.ZipInfo) -> str:
    """The name in the extra field for UTF-8, which counts for the very name beside it only; else the name itself."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(field) > 5:
            checksum = zlib.crc32(entry.orig_filename.encode("cp437", "replace"))
            if struct.unpack("<L", field[1:5])[0] == checksum:
                return field[5:].decode("utf-8", "replace")
    return entry.filename


def _decoded(raw: bytes) -> str | None:
    try:
        return decode(raw)
    except UserError:
        return None


def _refuse_unsafe(entry: zipfile.ZipInfo, name: str) -> None:
    path = name.replace("\\", "/")
    is_outside = path.startswith("/") or path[1:2] == ":" or ".." in path.split("/")
    if is_outside or stat.S_ISLNK(entry.external_attr >> 16):
        raise UserError(
            "unsafe_archive",
            "The archive holds a link, or a name that leads out of it. Pack the files again and upload the new archive.",
        )
