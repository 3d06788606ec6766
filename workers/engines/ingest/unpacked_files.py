"""Writes the files of an archive into the run, as they come out of the sandbox."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from workers.contract.listing import FILES_FOLDER, LISTING_FILE, ListedFile, stored_name
from workers.engines.ingest.archive import MAX_ENTRIES
from workers.engines.ingest.parsers.registry import PackedFile, PackedPart
from workers.engines.shared.runtime import EngineFault


class UnpackedFiles:
    """Their folder stands beside the output until `publish`, so that no manifest names it."""

    def __init__(self, output: Path) -> None:
        self.count = 0
        self._output = output
        self._folder = output.with_name(f"{output.name}.unpacked")
        self._listing: BinaryIO | None = None
        self._file: BinaryIO | None = None
        self._name = ""
        self._size = 0
        self._digest = hashlib.sha256()

    def put(self, part: PackedPart) -> None:
        if isinstance(part, PackedFile):
            self._end_file()
            self._begin_file(part.name)
        elif self._file is not None:
            self._file.write(part.content)
            self._digest.update(part.content)
            self._size += len(part.content)

    def close(self) -> None:
        self._end_file()
        if self._listing is not None:
            self._listing.close()

    def publish(self) -> None:
        """Move the files into the output."""
        if self.count:
            os.rename(self._folder, self._output / FILES_FOLDER)

    def _begin_file(self, name: str) -> None:
        if self.count >= MAX_ENTRIES:
            raise EngineFault("parser_failed", "The parser sent more files than an archive may hold.")
        if self._listing is None:
            self._folder.mkdir()
            self._listing = open(self._output / LISTING_FILE, "wb")  # noqa: SIM115
        self.count += 1
        self._file = open(self._folder / stored_name(self.count), "wb")  # noqa: SIM115
        self._name, self._size, self._digest = name, 0, hashlib.sha256()

    def _end_file(self) -> None:
        if self._file is None or self._listing is None:
            return
        self._file.close()
        self._file = None
        line = ListedFile(
            name=self._name,
            size=self._size,
            sha256=self._digest.hexdigest(),
            stored=stored_name(self.count),
        )
        self._listing.write(line.model_dump_json().encode() + b"\n")
