"""What a backup in the making wants, has, and knows of the one before: an SQLite file, so that a
million documents do not have to fit into memory. It is gone once the backup is complete."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["file", "folder", "result", "run"]

SCHEMA = """
    CREATE TABLE wanted (
        kind TEXT, path TEXT, sha256 TEXT, fallback TEXT, attempts INTEGER, goes_on INTEGER
    );
    CREATE TABLE have (path TEXT PRIMARY KEY, size INTEGER, sha256 TEXT, round INTEGER) WITHOUT ROWID;
    CREATE TABLE before (path TEXT PRIMARY KEY, size INTEGER, sha256 TEXT) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Wanted:
    """Something that a row of the database names; paths are relative to the storage."""

    kind: Kind
    """`file`; `folder`, an artefact under its manifest; `result`, the folder of a run that has succeeded,
    in its place or still at `fallback`; `run`, the folders of a job's `attempts`, as far as they are there."""
    path: str
    sha256: str = ""
    """Of the file, or of the folder's manifest; empty where nobody knows."""
    fallback: str = ""
    attempts: int = 0
    """Attempts after this one are of the future: the restored job would take their folders for its own."""
    goes_on: bool = False
    """Whether the restored job has to go on: it needs a checkpoint, though its run may forget them all meanwhile."""


@dataclass(frozen=True)
class Entry:
    """One file of a backup, by its path in it."""

    path: str
    size: int
    sha256: str


class Ledger:
    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._rows = sqlite3.connect(path, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = MEMORY")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.executescript(SCHEMA)
        self.round = 0

    def close(self) -> None:
        self._rows.close()
        self._path.unlink(missing_ok=True)

    @contextmanager
    def _together(self) -> Iterator[None]:
        self._rows.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")

    # -- what is wanted ---------------------------------------------------------------------------
    def want(self, wanted: Iterable[Wanted]) -> None:
        """Begin a new round that wants exactly this."""
        self.round += 1
        rows = (
            (item.kind, item.path, item.sha256, item.fallback, item.attempts, item.goes_on) for item in wanted
        )
        with self._together():
            self._rows.execute("DELETE FROM wanted")
            self._rows.executemany("INSERT INTO wanted VALUES (?, ?, ?, ?, ?, ?)", rows)

    def wanted(self) -> Iterator[Wanted]:
        rows = self._rows.execute("SELECT * FROM wanted ORDER BY rowid")
        for kind, path, sha256, fallback, attempts, goes_on in rows:
            yield Wanted(kind, path, sha256, fallback, attempts, bool(goes_on))

    def wanted_count(self) -> int:
        return int(self._rows.execute("SELECT count(*) FROM wanted").fetchone()[0])

    # -- what is there ----------------------------------------------------------------------------
    def put(self, entry: Entry) -> None:
        self._rows.execute(
            "INSERT OR REPLACE INTO have VALUES (?, ?, ?, ?)",
            (entry.path, entry.size, entry.sha256, self.round),
        )

    def has(self, path: str, sha256: str) -> bool:
        """Whether this backup holds the file already; then it belongs to this round, too."""
        return bool(
            self._rows.execute(
                "UPDATE have SET round = ? WHERE path = ? AND sha256 = ?", (self.round, path, sha256)
            ).rowcount
        )

    def keep_folder(self, path: str) -> None:
        """What earlier rounds have taken of this folder belongs to this round, too."""
        self._rows.execute("UPDATE have SET round = ? WHERE path GLOB ?", (self.round, f"{path}/*"))

    def forget_folder(self, path: str) -> None:
        self._rows.execute("DELETE FROM have WHERE path GLOB ?", (f"{path}/*",))

    def stale(self) -> list[str]:
        """Forget what only earlier rounds wanted, and say what it was."""
        gone = self._rows.execute("DELETE FROM have WHERE round < ? RETURNING path", (self.round,))
        return [path for (path,) in gone.fetchall()]

    def knows(self, path: str) -> bool:
        return self._rows.execute("SELECT 1 FROM have WHERE path = ?", (path,)).fetchone() is not None

    def entries(self) -> Iterator[Entry]:
        for path, size, sha256 in self._rows.execute("SELECT path, size, sha256 FROM have ORDER BY path"):
            yield Entry(path, size, sha256)

    def totals(self) -> tuple[int, int]:
        """Files and bytes."""
        files, size = self._rows.execute("SELECT count(*), coalesce(sum(size), 0) FROM have").fetchone()
        return int(files), int(size)

    # -- what the backup before had ---------------------------------------------------------------------
    def remember(self, entries: Iterable[Entry]) -> None:
        rows = ((entry.path, entry.size, entry.sha256) for entry in entries)
        with self._together():
            self._rows.executemany("INSERT OR REPLACE INTO before VALUES (?, ?, ?)", rows)

    def had(self, path: str, sha256: str) -> bool:
        return self.digest_before(path) == sha256

    def digest_before(self, path: str) -> str | None:
        found = self._rows.execute("SELECT sha256 FROM before WHERE path = ?", (path,)).fetchone()
        return None if found is None else str(found[0])


def line(entry: Entry) -> str:
    return json.dumps([entry.path, entry.size, entry.sha256], ensure_ascii=False) + "\n"


def read_lines(path: Path) -> Iterator[Entry]:
    with open(path, encoding="utf-8") as file:
        for text in file:
            name, size, sha256 = json.loads(text)
            yield Entry(str(name), int(size), str(sha256))
