"""A ZIP archive as the files in it, also those of the archives in it."""

from __future__ import annotations

import io
import zipfile
from typing import BinaryIO

from workers.contract.media_types import ZIP
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import MAX_ENTRIES, too_large
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.parsers.registry import (
    LONGEST_NAME,
    PackedBytes,
    PackedFile,
    ParsedDocument,
    PutPart,
    counted,
    parser,
)
from workers.engines.ingest.parsers.unpacking import packed_entries
from workers.engines.shared.debris import is_debris
from workers.engines.shared.runtime import UserError

DEEPEST = 2
"""How deep archives within an archive are unpacked."""
_CHUNK = 1 << 20
_ARCHIVE_START = b"PK"


@parser(ZIP)
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    def unpack(put: PutPart) -> tuple[str, ...]:
        unpacking = _Unpacking(spec, put)
        unpacking.archive(file, "", 0)
        if not unpacking.files:
            raise UserError("empty_archive", "The archive holds no file. Pack the files and upload it again.")
        return unpacking.warnings()

    return ParsedDocument(pages=(), unpack=unpack)


class _Unpacking:
    """The limits hold for an archive together with all that are in it."""

    def __init__(self, spec: IngestSpec, put: PutPart) -> None:
        self.files = 0
        self._spec = spec
        self._put = put
        self._bytes_left = spec.max_expanded_bytes
        self._entries_left = MAX_ENTRIES
        self._not_unpacked: list[str] = []
        """Archives in the archive, with the reason."""
        self._debris: list[str] = []

    def warnings(self) -> tuple[str, ...]:
        told = {"archives_not_unpacked": self._not_unpacked, "debris_skipped": self._debris}
        return tuple(counted(code, names) for code, names in told.items() if names)

    def archive(self, file: BinaryIO, folder: str, depth: int) -> None:
        """Raises UserError."""
        entries = packed_entries(file, self._bytes_left)
        self._bytes_left -= sum(entry.file_size for entry, _ in entries)
        self._entries_left -= len(entries)
        if self._entries_left < 0:
            raise too_large(self._spec.max_expanded_bytes)
        with zipfile.ZipFile(file) as archive:
            for entry, name in entries:
                if is_debris(name):
                    self._debris.append(folder + name)
                else:
                    self._entry(archive, entry, folder + name, depth)

    def _entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, depth: int) -> None:
        with archive.open(entry) as content:
            head = content.read(_CHUNK)
            if head.startswith(_ARCHIVE_START) and self._is_archive(
                inner := io.BytesIO(head + content.read()), name
            ):
                self._inside(inner, name, depth)
                return
            self._put(PackedFile(name=name[:LONGEST_NAME]))
            self.files += 1
            while head:
                self._put(PackedBytes(content=head))
                head = content.read(_CHUNK)

    def _is_archive(self, content: BinaryIO, name: str) -> bool:
        try:
            return detect(content, name) == ZIP
        except UserError:
            # It becomes a document, whose reading says what is wrong with it.
            return False
        finally:
            content.seek(0)

    def _inside(self, content: BinaryIO, name: str, depth: int) -> None:
        try:
            if depth >= DEEPEST:
                raise UserError("nested_too_deep", "The archive is in another one that is in others.")
            self.archive(content, f"{name}/", depth + 1)
        except UserError as error:
            self._not_unpacked.append(f"{name} ({error.code.removeprefix('user.')})")
