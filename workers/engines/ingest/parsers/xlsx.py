"""Workbooks: one page per visible sheet; blocks of cells between empty rows become tables."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from lxml.etree import XMLSyntaxError
from openpyxl.utils.exceptions import InvalidFileException

from workers.contract.records import Page, Table
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged
from workers.engines.ingest.parsers import Extracted, check_page_count
from workers.engines.ingest.parsers.sections import table_of, table_text
from workers.engines.shared.text import normalize

Row = list[str]
_UNREADABLE = (
    InvalidFileException,
    XMLSyntaxError,
    ParseError,
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
)


def parse(path: Path, spec: IngestSpec) -> Extracted:
    check_archive(path, spec.max_expanded_bytes)
    try:
        # By file object: openpyxl refuses a path that does not end in .xlsx, and blobs do not.
        with open(path, "rb") as file:
            return _extract(openpyxl.load_workbook(file, read_only=True, data_only=True), spec)
    except _UNREADABLE as error:
        raise damaged("The workbook cannot be read.") from error


def _extract(book: Any, spec: IngestSpec) -> Extracted:
    check_page_count(len(book.worksheets), spec)
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    pages = [sheet_page(number, sheet.title, _rows(sheet)) for number, sheet in enumerate(shown, 1)]
    hidden = len(book.worksheets) - len(shown)
    title = normalize(book.properties.title or "") or None
    return Extracted(pages, title, (f"hidden_sheets_skipped:{hidden}",) if hidden else ())


def sheet_page(number: int, label: str | None, rows: Iterable[Row]) -> Page:
    tables = tuple(_tables(rows))
    text = "\n\n".join(table_text(table) for table in tables)
    return Page(kind="sheet", number=number, label=normalize(label or "") or None, text=text, tables=tables)


def _rows(sheet: Any) -> Iterator[Row]:
    """Every row from the sheet's first, as texts. A wrong stored dimension is not believed."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows():
        yield [_cell_text(cell) for cell in row]


def _cell_text(cell: Any) -> str:
    """The value as a reader sees it, without currency signs and padding."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        plain_date = value.time() == datetime.time()
        return value.date().isoformat() if plain_date else value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, int | float):
        return _number_text(value, cell.number_format or "")
    return normalize(str(value))


def _number_text(value: int | float, number_format: str) -> str:
    if "%" in number_format:
        return f"{value * 100:.10g}%"
    if "," in number_format:
        return f"{round(value, 6):,}".removesuffix(".0")
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _tables(rows: Iterable[Row]) -> Iterator[Table]:
    """Blocks of rows between empty rows, each cut to the columns that hold something."""
    block: list[Row] = []
    start = 0
    for index, row in enumerate(rows):
        if any(row):
            if not block:
                start = index
            block.append(row)
        elif block:
            yield _block_table(block, start)
            block = []
    if block:
        yield _block_table(block, start)


def _block_table(block: list[Row], first_row: int) -> Table:
    used = [column for row in block for column, cell in enumerate(row) if cell]
    left, right = min(used), max(used)
    table = table_of([row[left : right + 1] for row in block], first_row, left)
    assert table is not None, "a block has at least one filled cell"
    return table
