"""The passages of an index in SQLite: text, personal data, source and readers by position, positions by document.

The groups that may read a passage are stored once for all passages that have the same ones: an audience.
"""

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
from workers.contract.personal_data import PersonalSpan, masked
from workers.contract.records import Source

FILE = "passages.sqlite"
SCHEMA = """
CREATE TABLE audience (id INTEGER PRIMARY KEY, groups TEXT NOT NULL);
CREATE TABLE passage (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL, digest TEXT NOT NULL, document_id TEXT NOT NULL,
  audience INTEGER NOT NULL REFERENCES audience, source TEXT NOT NULL, text TEXT NOT NULL,
  personal_data TEXT NOT NULL, above TEXT NOT NULL, masked_digest TEXT NOT NULL,
  masked_label TEXT NOT NULL
);
"""

READ = (
    "SELECT position, id, text, source, audience, digest, personal_data, above, masked_label FROM passage "
    "WHERE position IN (SELECT value FROM json_each(?))"
)
ADDED_COLUMNS = {"personal_data": "NULL", "above": "''", "masked_label": "''"}
"""What stands for a column that the index of an earlier release does not have."""


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Passage:
    """A unit of retrieval. `digest` is sha256 of what is embedded: equal text, equal vector."""

    text: str
    source: Source
    groups: tuple[str, ...]
    """Who may read it."""
    personal_data: tuple[PersonalSpan, ...] | None = ()
    """Where personal data stand in `text`; None: an earlier release built the index and did not look for them."""

    above: str = ""
    """The headings that the text stands under. They are searched, and never given out."""
    masked_above: str | None = None
    """With tokens in place of personal data; None: they have none, or the passage was read from an index."""
    masked_label: str | None = None
    """The source's label with tokens in place of personal data; None: it has no label, or an earlier release built the index."""

    @property
    def masked_source(self) -> Source:
        return self.source.model_copy(update={"label": self.masked_label})

    @property
    def searched(self) -> str:
        """What is embedded and searched."""
        return f"{self.above}\n{self.text}" if self.above else self.text

    @property
    def masked_text(self) -> str:
        return masked(self.text, self.personal_data or ())

    @property
    def searched_masked(self) -> str:
        """What a masked search takes in place of `searched`; the same where there is no personal data."""
        above = self.above if self.masked_above is None else self.masked_above
        return f"{above}\n{self.masked_text}" if above else self.masked_text

    @property
    def digest(self) -> str:
        return digest_of(self.searched)

    @property
    def id(self) -> str:
        """16 hex digits, stable across builds while place and text stay the same."""
        place = (
            f"{self.source.revision_id}/{self.source.kind}/{self.source.number}/{self.source.cells or ''}/"
        )
        return hashlib.sha256((place + self.text).encode()).hexdigest()[:16]


def write_passages(folder: Path, passages: Iterable[Passage]) -> None:
    audiences: dict[str, int] = {}
    connection = sqlite3.connect(folder / FILE)
    with connection:
        connection.executescript(SCHEMA)
        for position, passage in enumerate(passages):
            groups = json.dumps(sorted(set(passage.groups)))
            audience = audiences.setdefault(groups, len(audiences))
            source = passage.source.model_dump_json(exclude_none=True)
            key = (position, passage.id, passage.digest, passage.source.document_id)
            spans = _spans_text(passage.personal_data or ())
            row = (*key, audience, source, passage.text, spans, passage.above, masked_digest(passage))
            values = (*row, passage.masked_label or "")
            connection.execute("INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.executemany("INSERT INTO audience (groups, id) VALUES (?, ?)", audiences.items())
        connection.execute("CREATE INDEX passage_document ON passage (document_id, position)")
        connection.execute("CREATE INDEX passage_audience ON passage (audience, position)")
    connection.close()


def masked_digest(passage: Passage) -> str:
    """sha256 of what a masked search takes; empty where that is what a raw one takes."""
    return digest_of(passage.searched_masked) if passage.searched_masked != passage.searched else ""


def _spans_text(spans: Sequence[PersonalSpan]) -> str:
    return json.dumps([[span.kind, span.start, span.end] for span in spans]) if spans else ""


def _spans_of(text: str | None) -> tuple[PersonalSpan, ...] | None:
    """Raises ValueError."""
    if text is None:
        return None
    found = json.loads(text) if text else []
    return tuple(PersonalSpan(kind=kind, start=start, end=end) for kind, start, end in found)


class PassageStore:
    """Read-only and thread-safe. Positions count from 0 and are those of the vectors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # `immutable`: the file is sealed by the manifest, so it needs no locks and no journal.
        uri = f"{(folder / FILE).resolve().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self._audiences = {
            int(audience): frozenset(json.loads(groups))
            for audience, groups in self._rows("SELECT id, groups FROM audience")
        }
        columns = {name for _number, name, *_rest in self._rows("PRAGMA table_info(passage)")}
        self._read = READ
        for name in ADDED_COLUMNS.keys() - columns:
            self._read = self._read.replace(name, ADDED_COLUMNS[name])
        # From the SQL index alone, which is small; the pages with the texts are read for a search's results.
        rows = np.array(self._rows("SELECT position, audience FROM passage ORDER BY audience, position"))
        self._audience_of = np.empty(len(rows), dtype=np.int32)
        if len(rows):
            self._audience_of[rows[:, 0]] = rows[:, 1]

    def close(self) -> None:
        self._connection.close()

    def readable(
        self, groups: Iterable[str], excluded_document_ids: Sequence[str]
    ) -> NDArray[np.int64] | None:
        """Positions, ascending, of the passages that one of `groups` may read; None: of every passage."""
        groups = set(groups)
        audiences = [audience for audience, may in self._audiences.items() if not may.isdisjoint(groups)]
        if len(audiences) == len(self._audiences) and not excluded_document_ids:
            return None
        mask = np.isin(self._audience_of, audiences)
        mask[self.of_documents(excluded_document_ids)] = False
        return np.flatnonzero(mask)

    def of_documents(self, document_ids: Sequence[str]) -> NDArray[np.int64]:
        """The positions of their passages."""
        query = "SELECT position FROM passage WHERE document_id IN (SELECT value FROM json_each(?))"
        return np.array([row[0] for row in self._rows(query, json.dumps(list(document_ids)))], dtype=np.int64)

    def read(self, positions: Sequence[int]) -> list[tuple[str, Passage]]:
        """(id, passage) in the order of `positions`. Raises ArtifactDamaged: the file was verified when
        it was opened, but its pages are read only now."""
        rows = self._rows(self._read, json.dumps([int(position) for position in positions]))
        found = {row[0]: (row[1], self._whole(*row[2:])) for row in rows}
        if found.keys() != set(positions):
            raise ArtifactDamaged(self._folder, FILE, "lacks passages")
        return [found[int(position)] for position in positions]

    def _whole(
        self,
        text: str,
        source: str,
        audience: int,
        digest: str,
        personal_data: str | None,
        above: str,
        masked_label: str,
    ) -> Passage:
        try:
            groups = tuple(sorted(self._audiences[audience]))
            spans = _spans_of(personal_data)
            place = Source.model_validate_json(source)
            passage = Passage(text, place, groups, spans, above, masked_label=masked_label or None)
        except (ValueError, KeyError, TypeError):
            raise ArtifactDamaged(self._folder, FILE, "has other content") from None
        if passage.digest != digest:
            raise ArtifactDamaged(self._folder, FILE, "has other content")
        return passage

    def digests(self) -> Iterator[tuple[str, int]]:
        """(sha256 of the embedded text, position) of every passage."""
        yield from self._rows("SELECT digest, position FROM passage")

    def masked_digests(self) -> Iterator[str]:
        """sha256 of what a masked search takes, of every passage that it takes otherwise, in the order of their positions."""
        query = "SELECT masked_digest FROM passage WHERE masked_digest != '' ORDER BY position"
        return (row[0] for row in self._rows(query))

    def _rows(self, query: str, *parameters: str) -> list[tuple]:
        try:
            with self._lock:
                return self._connection.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise ArtifactDamaged(self._folder, FILE, "cannot be read") from error
