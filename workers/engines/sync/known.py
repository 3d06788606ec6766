"""What was taken before, on disk: a million files do not belong in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from workers.contract.specs.sync import KnownFile


class Known:
    def __init__(self, place: Path, lines: Path) -> None:
        place.unlink(missing_ok=True)
        self._place = place
        self._rows = sqlite3.connect(place, isolation_level=None)
        self._rows.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE known (name TEXT PRIMARY KEY, mark TEXT, sha256 TEXT) WITHOUT ROWID;"
            "CREATE TABLE seen (name TEXT PRIMARY KEY) WITHOUT ROWID; BEGIN"
        )
        with open(lines, "rb") as file:
            read = (KnownFile.model_validate_json(line) for line in file)
            self._rows.executemany(
                "INSERT INTO known VALUES (?, ?, ?)", ((one.name, one.mark, one.sha256) for one in read)
            )
        self.count = int(self._rows.execute("SELECT count(*) FROM known").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._place.unlink(missing_ok=True)

    def see(self, name: str) -> bool:
        """Note that the place has a file of this name; False where it had one already."""
        return self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?)", (name,)).rowcount > 0

    def get(self, name: str) -> tuple[str, str] | None:
        """Mark and sha256."""
        found: tuple[str, str] | None = self._rows.execute(
            "SELECT mark, sha256 FROM known WHERE name = ?", (name,)
        ).fetchone()
        return found

    def unseen(self) -> Iterator[str]:
        """What the place has no longer."""
        for (name,) in self._rows.execute(
            "SELECT name FROM known WHERE name NOT IN (SELECT name FROM seen) ORDER BY name"
        ):
            yield name
