"""What a backup under way has to take, what it has taken, and what the backup before holds.

An SQLite file, since the entries of a million documents do not fit into memory; it is removed with the end of the backup.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

SCHEMA = """
    PRAGMA journal_mode = MEMORY;
    PRAGMA synchronous = OFF;
    CREATE TABLE item (
        kind TEXT, path TEXT, sha256 TEXT, fallback TEXT, attempts INTEGER, continues INTEGER
    );
    CREATE TABLE taken (path TEXT PRIMARY KEY, size INTEGER, sha256 TEXT, round INTEGER) WITHOUT ROWID;
    CREATE TABLE before (path TEXT PRIMARY KEY, size INTEGER, sha256 TEXT) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Item:
    """Something that a row of the database names; paths are relative to the storage."""

    kind: Literal["file", "folder", "result", "run"]
    """`file`; `folder`, an artifact with its manifest; `result`, the output of a job that has succeeded, in its place or
    still at `fallback`; `run`, the folders of a job's attempts."""
    path: str
    sha256: str = ""
    """Of the file, or of the folder's manifest; empty where it is not known."""
    fallback: str = ""
    attempts: int = 0
    """Later attempts are left out: the restored job would take their folders for its own."""
    continues: bool = False
    """Whether the restored job continues: it needs a checkpoint, although its run may delete them all meanwhile."""


@dataclass(frozen=True)
class Entry:
    """One file of a backup, by its path in it."""

    path: str
    size: int
    sha256: str


class Catalog:
    """Works in rounds: each begins with a look at the database, and keeps what earlier rounds have taken."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._rows = sqlite3.connect(path, isolation_level=None)
        self._rows.executescript(SCHEMA)
        self._round = 0
        self.item_count = 0

    def close(self) -> None:
        self._rows.close()
        self._path.unlink(missing_ok=True)

    def _insert(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """All rows in one transaction, which is a hundred times faster."""
        self._rows.execute("BEGIN")
        try:
            self._rows.executemany(statement, rows)
        except BaseException:
            self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")

    # -- what is to be taken ------------------------------------------------------------------------
    def begin_round(self, items: Iterable[Item]) -> None:
        """Begin a new round, in which exactly these items are to be taken."""
        self._round += 1
        self._rows.execute("DELETE FROM item")
        self._insert("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)", map(astuple, items))
        self.item_count = int(self._rows.execute("SELECT count(*) FROM item").fetchone()[0])

    def items(self) -> Iterator[Item]:
        for row in self._rows.execute("SELECT * FROM item ORDER BY rowid"):
            yield Item(*row)

    # -- what was taken -----------------------------------------------------------------------------
    def put(self, entry: Entry) -> None:
        row = (entry.path, entry.size, entry.sha256, self._round)
        self._rows.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?)", row)

    def keep(self, path: str, sha256: str) -> bool:
        """Whether this backup has the file already; then it belongs to this round, too."""
        update = "UPDATE taken SET round = ? WHERE path = ? AND sha256 = ?"
        return self._rows.execute(update, (self._round, path, sha256)).rowcount > 0

    def keep_folder(self, path: str) -> None:
        """What earlier rounds have taken of this folder belongs to this round, too."""
        self._rows.execute("UPDATE taken SET round = ? WHERE path GLOB ?", (self._round, f"{path}/*"))

    def forget_folder(self, path: str) -> None:
        self._rows.execute("DELETE FROM taken WHERE path GLOB ?", (f"{path}/*",))

    def forget_earlier_rounds(self) -> None:
        """Forget the files that this round does not need."""
        self._rows.execute("DELETE FROM taken WHERE round < ?", (self._round,))

    def knows(self, path: str) -> bool:
        return self._rows.execute("SELECT 1 FROM taken WHERE path = ?", (path,)).fetchone() is not None

    def entries(self) -> Iterator[Entry]:
        for row in self._rows.execute("SELECT path, size, sha256 FROM taken ORDER BY path"):
            yield Entry(*row)

    def totals(self) -> tuple[int, int]:
        """Files and bytes."""
        files, size = self._rows.execute("SELECT count(*), coalesce(sum(size), 0) FROM taken").fetchone()
        return int(files), int(size)

    # -- what the backup before holds -------------------------------------------------------------------
    def remember(self, entries: Iterable[Entry]) -> None:
        self._insert("INSERT OR REPLACE INTO before VALUES (?, ?, ?)", map(astuple, entries))

    def digest_before(self, path: str) -> str:
        """Empty for a file that the backup before does not hold."""
        found = self._rows.execute("SELECT sha256 FROM before WHERE path = ?", (path,)).fetchone()
        return str(found[0]) if found else ""
