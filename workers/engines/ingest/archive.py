"""Office files are ZIP archives: check what one would unpack to before any parser opens it."""

from __future__ import annotations

import os
import zipfile
from typing import BinaryIO

from workers.engines.ingest.file_types import UNREADABLE_ARCHIVE, damaged, encrypted
from workers.engines.shared.runtime import UserError

MAX_ENTRIES = 10_000
MAX_RATIO = 100
RATIO_FROM_BYTES = 20 * 1024 * 1024
"""Below this unpacked size any ratio is accepted."""
_CHUNK = 1024 * 1024
_XML, _ENTITY = (".xml", ".rels"), b"<!ENTITY"
"""What would be written in their place is not read, so the text would have holes. In UTF-16 with zeros between the letters."""
_ENCRYPTED_FLAG = 0x1


def check_archive(file: BinaryIO, max_expanded_bytes: int, *, is_document: bool = True) -> None:
    """Raise UserError unless the archive is whole and unpacks to a bounded size, and as a document declares no entities.

    The declared sizes are checked first, because that is cheap. Then every entry is read once in chunks: declared
    sizes can be wrong, and a broken entry is better found here than inside a parser.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_declared(entries, file.seek(0, os.SEEK_END), max_expanded_bytes)
            _read_through(archive, entries, max_expanded_bytes, _XML if is_document else ())
    except UNREADABLE_ARCHIVE as error:
        raise damaged("The document cannot be unpacked.") from error


def _check_declared(entries: list[zipfile.ZipInfo], packed_bytes: int, max_expanded_bytes: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise UserError(
            "archive_too_large",
            f"The file holds {len(entries)} files; the limit is {MAX_ENTRIES}. Split it and upload the parts.",
            reason="files",
            count=len(entries),
            limit=MAX_ENTRIES,
        )
    expanded = sum(entry.file_size for entry in entries)
    if expanded > max_expanded_bytes:
        raise too_large(max_expanded_bytes)
    if expanded > RATIO_FROM_BYTES and expanded > MAX_RATIO * packed_bytes:
        raise too_large(max_expanded_bytes)
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise encrypted("Parts of the document are protected by a password.")


def _read_through(
    archive: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    max_expanded_bytes: int,
    endings: tuple[str, ...],
) -> None:
    """Entities are declared before the first element, so they are looked for in the first chunk of an XML part."""
    total = 0
    for entry in entries:
        is_first = entry.filename.lower().endswith(endings)
        with archive.open(entry) as part:
            while chunk := part.read(_CHUNK):
                if is_first and _ENTITY in chunk.replace(b"\0", b""):
                    raise damaged("The document declares entities, which no Office program writes.")
                is_first = False
                total += len(chunk)
                if total > max_expanded_bytes:
                    raise too_large(max_expanded_bytes)


def too_large(max_expanded_bytes: int) -> UserError:
    return UserError(
        "archive_too_large",
        f"The document unpacks to far more than its size (limit {max_expanded_bytes // 1024**2} MB). "
        "If it is genuine, split it into smaller documents, or remove pictures and unused sheets.",
        limit_mb=max_expanded_bytes // 1024**2,
    )
