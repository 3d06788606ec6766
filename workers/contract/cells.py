"""Ranges of cells as a spreadsheet writes them (`A5:C5`), and which of them the rows of a table are."""

from __future__ import annotations

import re

from workers.contract.records import Table

_RANGE = re.compile(r"([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)")


def column_letters(index: int) -> str:
    """A, B, … Z, AA, … for 0, 1, …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_range(first_row: int, first_column: int, rows: int, columns: int) -> str:
    """`A5:C5` for (4, 0, 1, 3): indexes from 0."""
    left, right = column_letters(first_column), column_letters(first_column + columns - 1)
    return f"{left}{first_row + 1}:{right}{first_row + rows}"


def range_of(cells: str) -> tuple[int, int, int, int]:
    """First row and column, last row and column of `A5:C5`, from 0."""
    match = _RANGE.fullmatch(cells)
    if match is None:
        raise ValueError(f"not a cell range: {cells!r}")
    left, top, right, bottom = match.groups()
    return int(top) - 1, column_number(left), int(bottom) - 1, column_number(right)


def column_number(letters: str) -> int:
    """0, 1, … for A, B, …"""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def rows_range(table: Table, first: int, last: int | None = None) -> str:
    """The cell range of the table's rows `first` to `last` (inclusive, from 0)."""
    _, left, _, right = range_of(table.cells)
    begin, _ = row_numbers(table, first)
    _, end = row_numbers(table, first if last is None else last)
    return f"{column_letters(left)}{begin}:{column_letters(right)}{end}"


def row_numbers(table: Table, row: int) -> tuple[int, int]:
    """The first and the last row of the sheet, from 1, that the table's `row` (from 0) stands for: the header of several
    rows is one of the table's."""
    top, more = range_of(table.cells)[0], table.header_height - 1
    return _row_shown(table, top + 1 + row + (more if row else 0)), _row_shown(table, top + 1 + row + more)


def _row_shown(table: Table, number: int) -> int:
    """The row of the sheet that would have this number if none were hidden."""
    low, high = 0, len(table.hidden_rows)
    while low < high:
        middle = (low + high) // 2
        if table.hidden_rows[middle] - middle <= number:
            low = middle + 1
        else:
            high = middle
    return number + low
