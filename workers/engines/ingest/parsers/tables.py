"""Tables from rows of cells, with what merged cells mean.

The text of a merged cell counts for every row and column that it covers, and a header over several rows becomes one
row of column names: `標準価格` over `国内` and `輸出` is `標準価格 国内` and `標準価格 輸出`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from workers.contract.cells import cell_range
from workers.contract.records import Table
from workers.engines.shared.text import glue, row_text

HIGHEST_HEADER = 5
LONGEST_NAME = 40
_NUMERIC = frozenset("0123456789.,-+%¥$円 ")


@dataclass(frozen=True)
class Merge:
    """The rows and columns that one cell covers, from 0, ends included. Its text stands in the first of each."""

    top: int
    left: int
    bottom: int
    right: int


def table_of(
    rows: Sequence[Sequence[str]],
    first_row: int = 0,
    first_column: int = 0,
    merges: Iterable[Merge] = (),
) -> Table | None:
    """A Table of equally long rows, or None if nothing is in it. `merges` count from the table's first cell."""
    width = max((len(row) for row in rows), default=0)
    filled = [list(row) + [""] * (width - len(row)) for row in rows]
    if not any(any(row) for row in filled):
        return None
    cells, height = cell_range(first_row, first_column, len(filled), width), 1
    if covering := [merge for merge in merges if merge.bottom > merge.top or merge.right > merge.left]:
        grid = _Grid(filled, covering)
        filled, height = grid.resolved()
    if len(filled) > 1 and _are_names(filled[0]):
        filled = [[reduce(glue, cell.split("\n")) for cell in filled[0]], *filled[1:]]
    return Table(cells=cells, rows=tuple(map(tuple, filled)), header_height=height)


def _are_names(row: Sequence[str]) -> bool:
    """Names of columns may be broken into lines where the column is narrow; indented lines are code."""
    lines = [line for cell in row for line in cell.split("\n")]
    is_short = all(len(cell) <= LONGEST_NAME for cell in row)
    return is_short and sum(map(bool, row)) > 1 and not any(line.startswith((" ", "\t")) for line in lines)


def table_text(table: Table) -> str:
    """The rows of the table that hold something, one line each."""
    return "\n".join(line for row in table.rows if (line := row_text(row)))


def spanned(rows: Sequence[Sequence[tuple[str, int, int]]]) -> tuple[list[list[str]], list[Merge]]:
    """Rows and merges of a table whose cells say how many columns and rows each covers: (text, columns, rows)."""
    texts: list[dict[int, str]] = [{} for _ in rows]
    merges: list[Merge] = []
    for top, row in enumerate(rows):
        column = 0
        for text, columns, height in row:
            while column in texts[top]:
                column += 1
            bottom, right = min(top + height, len(rows)) - 1, column + columns - 1
            for below in range(top, bottom + 1):
                texts[below].update(dict.fromkeys(range(column, right + 1), ""))
            texts[top][column] = text
            merges.append(Merge(top, column, bottom, right))
            column = right + 1
    width = max((max(row, default=-1) for row in texts), default=-1) + 1
    return [[row.get(column, "") for column in range(width)] for row in texts], merges


class _Grid:
    """The cells of one table and the merges in it."""

    def __init__(self, rows: list[list[str]], merges: Iterable[Merge]) -> None:
        self.rows = rows
        self.own = [[bool(cell) for cell in row] for row in rows]
        """Which cells hold text of their own; the rest get it from a merged cell or stay empty."""
        self.used = [column for column in range(len(rows[0])) if any(row[column] for row in self.own)]
        self.merges = [
            replace(merge, bottom=min(merge.bottom, len(rows) - 1), right=min(merge.right, len(rows[0]) - 1))
            for merge in merges
            if merge.top < len(rows) and merge.left < len(rows[0]) and rows[merge.top][merge.left]
        ]

    def resolved(self) -> tuple[list[list[str]], int]:
        """The rows with every merged cell's text where it counts, and how many rows the first one stands for."""
        height = self._header_height()
        for merge in self.merges:
            self._spread_down(merge)
        body_is_regular = self._body_is_regular(height)
        for merge in self.merges:
            if merge.top < height and height > 1:
                self._spread_across(merge, range(merge.top, min(merge.bottom + 1, height)))
            elif merge.top >= height and body_is_regular:
                rows = range(merge.top, merge.bottom + 1)
                self._spread_across(merge, [row for row in rows if not self._is_alone(merge, row)])
        filled = [self._header(height), *self.rows[height:]] if height > 1 else self.rows
        covered = {column for merge in self.merges for column in range(merge.left + 1, merge.right + 1)}
        kept = [
            column
            for column in range(len(filled[0]))
            if column not in covered or any(row[column] for row in filled)
        ]
        return [[row[column] for column in kept] for row in filled], height

    def _columns(self, merge: Merge) -> list[int]:
        """The columns under the merge that hold text somewhere in the table."""
        return [column for column in self.used if merge.left <= column <= merge.right]

    def _spread_down(self, merge: Merge) -> None:
        """To the rows with text of their own: a row without any only continues the one above it."""
        text = self.rows[merge.top][merge.left]
        for row in range(merge.top + 1, merge.bottom + 1):
            if any(self.own[row]) and not self.rows[row][merge.left]:
                self.rows[row][merge.left] = text

    def _spread_across(self, merge: Merge, rows: Iterable[int]) -> None:
        text = self.rows[merge.top][merge.left]
        for row in rows:
            if self.rows[row][merge.left] == text:
                for column in self._columns(merge):
                    self.rows[row][column] = self.rows[row][column] or text

    def _is_alone(self, merge: Merge, row: int) -> bool:
        """Whether the row holds nothing else: then it is a title or a note, which is said once."""
        return not any(cell for column, cell in enumerate(self.rows[row]) if column != merge.left)

    def _header_height(self) -> int:
        """More than 1 where names over several columns stand in the first row and narrower ones below."""
        height = 1
        while height < min(len(self.rows) - 1, HIGHEST_HEADER) and self._belongs_to_header(height):
            height += 1
        return height

    def _belongs_to_header(self, row: int) -> bool:
        """Narrower names stand below every wide one, and nothing below the others, which stand alone."""
        wide = [
            self._columns(merge)
            for merge in self.merges
            if merge.top == row - 1 and len(self._columns(merge)) > 1
        ]
        own = {column for column, is_own in enumerate(self.own[row]) if is_own}
        below_wide = set().union(*wide)
        alone = {
            column for line in self.own[:row] for column, is_own in enumerate(line) if is_own
        } - below_wide
        if not wide or alone & own or any(len(own.intersection(columns)) < 2 for columns in wide):
            return False
        # A row of numbers is one of the body, unless a name reaches down to it.
        is_reached = any(merge.top < row <= merge.bottom for merge in self.merges)
        is_beside = bool(alone or own - below_wide or len(wide) > 1)
        return is_beside and (is_reached or not any(is_number(self.rows[row][column]) for column in own))

    def _header(self, height: int) -> list[str]:
        """The names over each column, from the top down, each once."""
        names = []
        for column in range(len(self.rows[0])):
            parts = [self.rows[row][column] for row in range(height) if self.rows[row][column]]
            names.append(" ".join(dict.fromkeys(parts)))
        return names

    def _body_is_regular(self, height: int) -> bool:
        """Whether every cell of the body stands under a name of the header: a form of fields is no such table."""
        named = {column for row in self.rows[:height] for column, cell in enumerate(row) if cell}
        return all(
            column in named for row in self.own[height:] for column, is_own in enumerate(row) if is_own
        )


def is_number(text: str) -> bool:
    return set(text) <= _NUMERIC and any(map(str.isdigit, text))
