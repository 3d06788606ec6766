"""Whether what stands side by side on a page is columns, to be read one after the other, or rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

from workers.contract.records import Table
from workers.engines.ingest.parsers.pdf_geometry import united
from workers.engines.ingest.parsers.pdf_rows import Interval, Item, Row, columns_of
from workers.engines.ingest.parsers.tables import is_number, table_of
from workers.engines.shared.text import continues, normalize

_FULL = 0.85
"""Of a column's width: a line that reaches so far may go on in the next one."""
_SHORTEST = 8
"""Characters of a line that goes on in the next one."""
_WRAPPED_SHARE = 6
_SIDE_WIDTH, _SIDE_ROWS, _SMALLER = 0.5, 0.6, 0.92
"""Of the column beside it: side notes are narrow, and few or in smaller type."""
_LEVEL_SHARE = 0.3
"""Of the rows: fewer than these hold something in two columns where the columns have nothing to do with one another."""
_BULLET = re.compile(r"[・●○■□◆◇▶※►•\-*]")
_LEADER = re.compile(r"[.・…‥]{3,}")
_FEWEST_ROWS, _FILLED, _LONGEST_CELL = 3, 0.8, 30


@dataclass(frozen=True)
class Column:
    items: Sequence[Item]
    is_note: bool = False


def columns_to_read(rows: Sequence[Row], gutters: Sequence[Interval]) -> list[Column] | None:
    """The columns in the order of reading, side notes last; None for rows."""
    columns = columns_of(rows, gutters)
    if not all(columns):
        return None
    are_level = _are_level(rows, gutters)
    prose = [_is_prose(column, are_level) for column in columns]
    if sum(prose) == 1 and (read := _with_side_notes(columns, prose.index(True))):
        return read
    if sum(prose) > 1 or not are_level or _are_lists(columns):
        return [Column(column) for column in columns]
    return None


def _is_prose(column: Sequence[Item], are_level: bool) -> bool:
    """Whether sentences would be torn if the column were not read at once. Cells of a table are seldom full."""
    lines = sorted((item for item in column if item.piece), key=lambda item: item.rect.middle)
    if len(lines) < 2:
        return False
    around = united([item.rect for item in lines])
    full = around.left + _FULL * (around.right - around.left)
    if are_level and 2 * sum(item.rect.right >= full for item in lines) < len(lines):
        return False
    needed = -(-len(lines) // _WRAPPED_SHARE)
    wrapped = (
        True for before, after in pairwise(lines) if before.rect.right >= full and _wraps(before, after)
    )
    return sum(islice(wrapped, needed)) == needed


def _wraps(before: Item, after: Item) -> bool:
    distance = after.rect.middle - before.rect.middle
    return (
        len(before.text) >= _SHORTEST
        and 0 < distance < 3 * before.size
        and continues(before.text, after.text)
    )


def _with_side_notes(columns: Sequence[list[Item]], main: int) -> list[Column] | None:
    text = columns[main]
    width, size = _width(text), median(item.size for item in text)
    for index, column in enumerate(columns):
        if index == main:
            continue
        is_small = median(item.size for item in column) < _SMALLER * size
        is_beside = index > main and len(column) <= _SIDE_ROWS * len(text)
        if _width(column) > _SIDE_WIDTH * width or not (is_small or is_beside):
            return None
    notes = [Column(column, is_note=True) for index, column in enumerate(columns) if index != main]
    return [Column(text), *notes]


def _width(column: Sequence[Item]) -> float:
    around = united([item.rect for item in column])
    return around.right - around.left


def _are_level(rows: Sequence[Row], gutters: Sequence[Interval]) -> bool:
    """Whether rows go through the columns."""
    borders = [(left + right) / 2 for left, right in gutters]
    shared = sum(any(row.rect.left < border < row.rect.right for border in borders) for row in rows)
    return shared >= _LEVEL_SHARE * len(rows)


def _are_lists(columns: Sequence[Sequence[Item]]) -> bool:
    return all(
        len(column) > 2 and 2 * sum(bool(_BULLET.match(item.text)) for item in column) > len(column)
        for column in columns
    )


# -- tables without rules -------------------------------------------------------------------
def aligned_table(rows: Sequence[Row], gutters: Sequence[Interval]) -> Table | None:
    """The rows as a table, where it is sure that they are one: many short cells, each at its place."""
    cells = [_cells(row, gutters) for row in rows]
    filled = [sum(map(bool, row)) for row in cells]
    if len(rows) < _FEWEST_ROWS or any(item.piece is None for row in rows for item in row.items):
        return None
    if any(len(cell) > _LONGEST_CELL or _LEADER.search(cell) for row in cells for cell in row):
        return None
    width = len(gutters) + 1
    if min(filled) < 2 or sum(filled) < _FILLED * width * len(rows):
        return None
    numbers = [all(is_number(row[column]) for row in cells[1:] if row[column]) for column in range(width)]
    if not any(numbers[1:]):
        return None
    return table_of(cells)


def _cells(row: Row, gutters: Sequence[Interval]) -> list[str]:
    parts = columns_of([row], gutters)
    return [normalize(" ".join(item.text for item in part)) for part in parts]
