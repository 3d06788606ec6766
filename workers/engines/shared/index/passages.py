"""The passages of an index in SQLite: text and source by position, positions by document."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.contract.artifacts import ArtifactDamaged
from workers.contract.records import Source

FILE = "passages.sqlite"
SCHEMA = """
CREATE TABLE passage (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL, digest TEXT NOT NULL,
  document_id TEXT NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """A unit of retrieval. `digest` is sha256 of what is embedded: equal text, equal vector."""

    text: str
    source: Source

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def id(self) -> str:
        """16 hex digits, stable across builds while place and text stay the same."""
        place = (
            f"{self.source.revision_id}/{self.source.kind}/{self.source.number}/{self.source.cells or ''}/"
        )
        return hashlib.sha256((place + self.text).encode()).hexdigest()[:16]


def write_passages(folder: Path, passages: Iterable[Passage]) -> None:
    connection = sqlite3.connect(folder / FILE)
    with connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?)",
            (
                (position, item.id, item.digest, item.source.document_id, _dump(item.source), item.text)
                for position, item in enumerate(passages)
            ),
        )
        connection.execute("CREATE INDEX passage_document ON passage (document_id, position)")
    connection.close()


def _dump(source: Source) -> str:
    return source.model_dump_json(exclude_none=True)


class PassageStore:
    """Read-only and thread-safe. Positions count from 0 and are those of the vectors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # `immutable`: the file is sealed by the manifest, so no locks and no journal are wanted.
        uri = f"{(folder / FILE).resolve().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    def close(self) -> None:
        self._connection.close()

    def __len__(self) -> int:
        return int(self._rows("SELECT count(*) FROM passage")[0][0])

    def positions(self, document_ids: Sequence[str]) -> NDArray[np.int64]:
        """Where the passages of these documents stand, ascending; unknown documents have none."""
        rows = self._rows(
            "SELECT position FROM passage WHERE document_id IN (SELECT value FROM json_each(?)) "
            "ORDER BY position",
            json.dumps(list(document_ids)),
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    def read(self, positions: Sequence[int]) -> list[tuple[str, Passage]]:
        """(id, passage) in the order of `positions`. Raises ArtifactDamaged: the file was verified when
        it was opened, but its pages are read only now."""
        rows = self._rows(
            "SELECT position, id, text, source, digest FROM passage "
            "WHERE position IN (SELECT value FROM json_each(?))",
            json.dumps([int(position) for position in positions]),
        )
        found = {row[0]: (row[1], self._whole(*row[2:])) for row in rows}
        if found.keys() != set(positions):
            raise ArtifactDamaged(self._folder, FILE, "lacks passages")
        return [found[int(position)] for position in positions]

    def _whole(self, text: str, source: str, digest: str) -> Passage:
        try:
            passage = Passage(text, Source.model_validate_json(source))
        except ValueError:
            raise ArtifactDamaged(self._folder, FILE, "has other content") from None
        if passage.digest != digest:
            raise ArtifactDamaged(self._folder, FILE, "has other content")
        return passage

    def digests(self) -> Iterator[tuple[str, int]]:
        """(sha256 of the embedded text, position) of every passage."""
        yield from self._rows("SELECT digest, position FROM passage")

    def _rows(self, query: str, *parameters: str) -> list[tuple]:
        try:
            with self._lock:
                return self._connection.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise ArtifactDamaged(self._folder, FILE, "cannot be read") from error
