"""Workbooks: one page per visible sheet."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import XLSX, damaged_by
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sheets import sheet_page
from workers.engines.ingest.parsers.tables import Merge
from workers.engines.shared.text import normalize, normalize_layout

_MERGE = re.compile(
    rb"""<(?:\w+:)?mergeCell\s[^>]*?\bref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']"""
)
_CHUNK = 1024 * 1024
_LONGEST_TAG = 1024


@parser(XLSX, libraries=("openpyxl", "lxml.etree"))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    check_archive(file, spec.max_expanded_bytes)
    book = _open(file)
    shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    hidden = len(book.worksheets) - len(shown)
    return ParsedDocument(
        _pages(shown),
        page_count=len(shown),
        title=normalize(book.properties.title or "") or None,
        warnings=(f"hidden_sheets_skipped:{hidden}",) if hidden else (),
    )


def _open(file: BinaryIO) -> Any:
    import openpyxl

    with _damaged_workbook():
        return openpyxl.load_workbook(file, read_only=True, data_only=True)


def _damaged_workbook() -> AbstractContextManager[None]:
    """Turns what openpyxl raises on a broken workbook into the user's error."""
    from xml.etree.ElementTree import ParseError

    from lxml.etree import XMLSyntaxError
    from openpyxl.utils.exceptions import InvalidFileException

    own = (InvalidFileException, XMLSyntaxError, ParseError, zipfile.BadZipFile)
    return damaged_by("The workbook cannot be read.", *own, KeyError, ValueError, TypeError, AttributeError)


def _pages(sheets: list[Any]) -> Iterator[Page]:
    with _damaged_workbook():
        for number, sheet in enumerate(sheets, 1):
            # The stored dimensions may be wrong: every row is read, from the sheet's first.
            sheet.reset_dimensions()
            rows = ([_cell_text(cell) for cell in row] for row in sheet.iter_rows())
            yield sheet_page(number, sheet.title, rows, _merges(sheet))


def _merges(sheet: Any) -> Iterator[Merge]:
    """The merged cells, which openpyxl leaves out where it reads row by row. They stand after the rows."""
    from openpyxl.utils.cell import column_index_from_string

    rest = b""
    with sheet.parent._archive.open(sheet._worksheet_path) as file:
        while chunk := file.read(_CHUNK):
            # A tag that the chunk cuts is read with the next one.
            whole, cut, rest = (rest + chunk).rpartition(b"<")
            rest = (cut + rest)[:_LONGEST_TAG]
            for match in _MERGE.finditer(whole):
                left, top, right, bottom = match.group(1, 2, 3, 4)
                columns = (column_index_from_string(letters.decode()) - 1 for letters in (left, right))
                yield Merge(int(top) - 1, next(columns), int(bottom) - 1, next(columns))


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
        number_format = cell.number_format or ""
        if "%" in number_format:
            return f"{value * 100:.10g}%"
        if "," in number_format:
            return f"{round(value, 6):,}".removesuffix(".0")
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    return normalize_layout(str(value)).strip()
