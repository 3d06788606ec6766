"""The sheets of an OpenDocument workbook, read row by row: the values as they are shown, merges, and what is hidden."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from workers.contract.cells import column_letters
from workers.engines.ingest.parsers.excel_formats import general
from workers.engines.ingest.parsers.excel_sheet import MOST_COLUMNS, MOST_ROWS, Sheet, cell_text
from workers.engines.ingest.parsers.odf_parts import OFFICE, STYLE, TABLE, TEXT, inline_text, natural
from workers.engines.ingest.parsers.tables import Merge

_CELLS = (f"{TABLE}table-cell", f"{TABLE}covered-table-cell")
_SHEETS = f"{OFFICE}spreadsheet"
_HIDDEN = ("collapse", "filter")
_REFERENCE = re.compile(r"\[\.?([^\]]*)\]")
_DURATION = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")


def read_sheets(part: BinaryIO) -> Iterator[tuple[str, Sheet, bool]]:
    """Name, content and whether it is hidden, of each sheet in `content.xml`."""
    from lxml import etree

    reader = _Reader()
    tags = [f"{STYLE}style", *(f"{TABLE}{name}" for name in ("table", "table-column", "table-row"))]
    for event, element in etree.iterparse(
        part, events=("start", "end"), tag=tags, resolve_entities=False, no_network=True
    ):
        if event == "start":
            if element.tag == f"{TABLE}table" and _is_sheet(element):
                reader.begin()
            continue
        if element.tag == f"{STYLE}style":
            reader.style(element)
        elif element.tag == f"{TABLE}table-column":
            reader.column(element)
        elif element.tag == f"{TABLE}table-row":
            reader.row(element)
        elif _is_sheet(element):
            yield reader.end(element)
        else:
            continue
        if element.tag != f"{STYLE}style":
            _forget(element)


def _forget(element: Any) -> None:
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _is_sheet(table: Any) -> bool:
    """Not one inside a cell, nor a copy of one that is linked."""
    parent = table.getparent()
    return parent is not None and parent.tag == _SHEETS


class _Reader:
    def __init__(self) -> None:
        self._hidden_styles: set[str | None] = set()
        self._values: dict[str | None, Callable[[Any], str]] = {
            "percentage": lambda cell: _with_unit(cell, 100, "%"),
            "float": lambda cell: _with_unit(cell, 1, ""),
            "currency": lambda cell: _with_unit(cell, 1, cell.get(f"{OFFICE}currency", "")),
            "date": lambda cell: cell.get(f"{OFFICE}date-value", "").replace("T", " "),
            "time": lambda cell: _DURATION.sub(r"\1:\2:\3", cell.get(f"{OFFICE}time-value", "")),
            "boolean": lambda cell: cell.get(f"{OFFICE}boolean-value", "").upper(),
            "string": lambda cell: cell.get(f"{OFFICE}string-value", ""),
        }
        self.begin()

    def begin(self) -> None:
        self._sheet = Sheet()
        self._rows = self._columns = 0
        self._hidden_rows: list[range] = []

    def end(self, table: Any) -> tuple[str, Sheet, bool]:
        last = max(self._sheet.rows, default=-1)
        # A sheet often hides all rows below its content: there may be a million of them.
        shown = (row for rows in self._hidden_rows for row in rows if row <= last)
        self._sheet.hidden_rows.update(shown)
        is_hidden = table.get(f"{TABLE}style-name") in self._hidden_styles
        return table.get(f"{TABLE}name", ""), self._sheet, is_hidden

    def style(self, element: Any) -> None:
        properties = element.find(f"{STYLE}table-properties")
        if properties is not None and properties.get(f"{TABLE}display") == "false":
            self._hidden_styles.add(element.get(f"{STYLE}name"))

    def column(self, element: Any) -> None:
        end = min(self._columns + _repeated(element, "columns", MOST_COLUMNS), MOST_COLUMNS)
        if element.get(f"{TABLE}visibility") in _HIDDEN:
            self._sheet.hidden_columns.update(range(self._columns, end))
        self._columns = end

    def row(self, element: Any) -> None:
        top, self._rows = self._rows, self._rows + _repeated(element, "rows", MOST_ROWS)
        if self._rows > MOST_ROWS:
            raise ValueError("a row outside of the sheet")
        if element.get(f"{TABLE}visibility") in _HIDDEN:
            self._hidden_rows.append(range(top, self._rows))
        texts = self._texts(element, top)
        if any(texts):
            self._sheet.rows.update((row, list(texts)) for row in range(top, self._rows))

    def _texts(self, row: Any, top: int) -> list[str]:
        texts: list[str] = []
        column = 0
        for cell in row.iterchildren(*_CELLS):
            times = _repeated(cell, "columns", MOST_COLUMNS)
            if column + times > MOST_COLUMNS:
                raise ValueError("a cell outside of the sheet")
            # What a merge covers may hold a text of its own, which is not shown.
            text = "" if cell.tag == _CELLS[1] else cell_text(self._text(cell, top, column))
            if text:
                texts += [""] * (column - len(texts)) + [text] * times
            self._merge(cell, top, column)
            column += times
        return texts

    def _merge(self, cell: Any, top: int, left: int) -> None:
        columns, rows = (cell.get(f"{TABLE}number-{name}-spanned") for name in ("columns", "rows"))
        right, bottom = left + natural(columns, 1) - 1, top + natural(rows, 1) - 1
        if right > left or bottom > top:
            self._sheet.merges.append(Merge(top, left, min(bottom, MOST_ROWS), min(right, MOST_COLUMNS)))

    def _text(self, cell: Any, row: int, column: int) -> str:
        lines = [inline_text(line, lambda _: None) for line in cell.iterchildren(f"{TEXT}p")]
        if any(lines):
            return "\n".join(lines)
        kind = cell.get(f"{OFFICE}value-type")
        text = self._values[kind](cell) if kind in self._values else ""
        formula = cell.get(f"{TABLE}formula")
        if text or formula is None or kind is not None:
            return text
        self._sheet.without_result.append(f"{column_letters(column)}{row + 1}")
        # `of:=[.B3]*2`: the letters before the sign name the language.
        return _REFERENCE.sub(r"\1", "=" + formula.partition("=")[2])


def _repeated(element: Any, what: str, most: int) -> int:
    return max(natural(element.get(f"{TABLE}number-{what}-repeated"), 1, most), 1)


def _with_unit(cell: Any, times: int, unit: str) -> str:
    """For a cell of which the file does not say how it is shown."""
    value = float(cell.get(f"{OFFICE}value", "nan")) * times
    return f"{general(value)}{unit}" if value == value and abs(value) != float("inf") else ""
