"""The page of one sheet: what is hidden is left out, and the places of the rest stay those of the sheet."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

from workers.contract.cells import cell_range, column_letters, range_of
from workers.contract.records import Page, Table
from workers.engines.ingest.parsers.excel_sheet import Sheet
from workers.engines.ingest.parsers.registry import counted
from workers.engines.ingest.parsers.sheets import sheet_page
from workers.engines.ingest.parsers.tables import Merge
from workers.engines.shared.text import normalize


def page_of(number: int, label: str, sheet: Sheet) -> Page:
    last = max(sheet.rows, default=-1)
    width = max(map(len, sheet.rows.values()), default=0)
    rows = [row for row in range(last + 1) if row not in sheet.hidden_rows]
    columns = [column for column in range(width) if column not in sheet.hidden_columns]
    if len(rows) == last + 1 and len(columns) == width:
        return sheet_page(number, label, (sheet.rows.get(row, []) for row in rows), sheet.merges)
    merges = [moved for merge in sheet.merges if (moved := _moved(sheet, merge, rows, columns)) is not None]
    shown = (_shown(sheet.rows.get(row, []), columns) for row in rows)
    page = sheet_page(number, label, shown, merges)
    return page.model_copy(update={"tables": tuple(_in_sheet(table, rows, columns) for table in page.tables)})


def hidden_rows(sheet: Sheet) -> list[int]:
    """Those that hold something."""
    return sorted(row for row in sheet.hidden_rows if row in sheet.rows)


def hidden_columns(sheet: Sheet) -> list[int]:
    """Those that hold something in a row that is shown."""
    shown = [texts for row, texts in sheet.rows.items() if row not in sheet.hidden_rows]
    return sorted(
        column
        for column in sheet.hidden_columns
        if any(column < len(texts) and texts[column] for texts in shown)
    )


class SheetNotes:
    """What the sheets of a workbook do not show, with the places."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = defaultdict(list)

    def add(self, title: str, sheet: Sheet) -> None:
        rows = [str(row + 1) for row in hidden_rows(sheet)]
        columns = [column_letters(column) for column in hidden_columns(sheet)]
        for code, places in (
            ("hidden_rows_skipped", rows),
            ("hidden_columns_skipped", columns),
            ("formulas_without_results", sheet.without_result),
        ):
            self._places[code] += [f"{normalize(title)}!{place}" for place in places]

    def warnings(self) -> list[str]:
        return [counted(code, places) for code, places in self._places.items() if places]


def _shown(texts: list[str], columns: Sequence[int]) -> list[str]:
    return [texts[column] for column in columns if column < len(texts)]


def _moved(sheet: Sheet, merge: Merge, rows: Sequence[int], columns: Sequence[int]) -> Merge | None:
    """The merge among what is shown. Its text stands in its first cell, also where that one is hidden."""
    top, bottom = bisect_left(rows, merge.top), bisect_right(rows, merge.bottom) - 1
    left, right = bisect_left(columns, merge.left), bisect_right(columns, merge.right) - 1
    if top > bottom or left > right:
        return None
    text = sheet.rows.get(merge.top, [])[merge.left : merge.left + 1]
    first = sheet.rows.setdefault(rows[top], [])
    first += [""] * (columns[left] + 1 - len(first))
    first[columns[left]] = text[0] if text else ""
    return Merge(top, left, bottom, right)


def _in_sheet(table: Table, rows: Sequence[int], columns: Sequence[int]) -> Table:
    """The table with its range in the sheet, and which rows of that are hidden."""
    top, left, bottom, right = range_of(table.cells)
    first, last = rows[top], rows[bottom]
    cells = cell_range(first, columns[left], last - first + 1, columns[right] - columns[left] + 1)
    shown = set(rows[top : bottom + 1])
    hidden = tuple(row + 1 for row in range(first, last + 1) if row not in shown)
    return table.model_copy(update={"cells": cells, "hidden_rows": hidden})
