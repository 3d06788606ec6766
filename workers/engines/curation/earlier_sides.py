"""On which side the records of the version before are. They stay there, so that a model is never measured on what it has learnt."""

from __future__ import annotations

import json
import mmap
from bisect import bisect_left
from pathlib import Path

from workers.contract.artifacts import ArtifactDamaged, verify_manifest
from workers.contract.record_index import CONTENT_BYTES, INDEX_FILE, ROW_BYTES, content_digest, row_of
from workers.contract.specs.curation import EarlierVersion
from workers.engines.shared.runtime import Run

UNKNOWN, TRAIN, HELDOUT = range(3)


class EarlierSides:
    """Looks a record up in the index of the version before, on the disk."""

    def __init__(self, index: Path | None = None) -> None:
        self._rows: mmap.mmap | bytes = b""
        if index is not None and index.stat().st_size:
            with open(index, "rb") as file:
                self._rows = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._count = len(self._rows) // ROW_BYTES

    def of(self, line: str) -> int:
        """Of a record as a line of JSON."""
        if not self._count:
            return UNKNOWN
        content = content_digest(json.loads(line))
        place = bisect_left(range(self._count), content, key=lambda row: self._row(row)[:CONTENT_BYTES])
        if place == self._count or (row := row_of(self._row(place))).content != content:
            return UNKNOWN
        return HELDOUT if row.is_heldout else TRAIN

    def _row(self, number: int) -> bytes:
        return self._rows[number * ROW_BYTES : (number + 1) * ROW_BYTES]


def earlier_sides(run: Run, earlier: EarlierVersion | None) -> EarlierSides:
    """Of a version that is missing or damaged nothing is known; the log says so."""
    if earlier is None:
        return EarlierSides()
    try:
        verify_manifest(earlier.folder, earlier.manifest_sha256)
    except ArtifactDamaged as damage:
        message = f"The version before is damaged on the disk ({damage}). What is held out is drawn anew."
        run.log(message, level="warning", code="earlier_version_damaged", param=damage.folder.name)
        return EarlierSides()
    return EarlierSides(earlier.folder / INDEX_FILE)
