"""Workbooks: one page per visible sheet, with the values as Excel shows them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from workers.contract.media_types import XLSX
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged_by
from workers.engines.ingest.parsers.excel_pages import SheetNotes, page_of
from workers.engines.ingest.parsers.excel_sheet import Look, read_sheet, read_styles
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.shared.text import normalize

_WORKBOOK, _STYLES = "xl/workbook.xml", "xl/styles.xml"


class Workbook(ParsedDocument):
    """Warns of what its sheets did not show, once they are read."""

    def __init__(self, book: Any, look: Look) -> None:
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        self._hidden_sheets = len(book.worksheets) - len(shown)
        self._notes = SheetNotes()
        super().__init__(
            self._pages(shown, look),
            page_count=len(shown),
            title=normalize(book.properties.title or "") or None,
        )

    def _pages(self, sheets: list[Any], look: Look) -> Iterator[Page]:
        with _damaged_workbook():
            for number, each in enumerate(sheets, 1):
                with each.parent._archive.open(each._worksheet_path) as part:
                    sheet = read_sheet(part, look)
                self._notes.add(each.title, sheet)
                yield page_of(number, each.title, sheet)

    def finish(self, pages: list[Page]) -> list[Page]:
        sheets = (f"hidden_sheets_skipped:{self._hidden_sheets}",) if self._hidden_sheets else ()
        self.warnings = (*sheets, *self._notes.warnings())
        return pages


@parser(XLSX, libraries=("openpyxl", "openpyxl.formula.translate", "lxml.etree"))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    import openpyxl

    check_archive(file, spec.max_expanded_bytes)
    with _damaged_workbook():
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        return Workbook(book, _look(book))


def _look(book: Any) -> Look:
    from lxml import etree
    from openpyxl.utils.datetime import MAC_EPOCH

    archive = book._archive
    formats, recalculates = [], False
    if _STYLES in archive.namelist():
        with archive.open(_STYLES) as part:
            formats = read_styles(part)
    if _WORKBOOK in archive.namelist():
        with archive.open(_WORKBOOK) as part:
            safe = etree.XMLParser(resolve_entities=False, no_network=True)
            calculation = etree.parse(part, safe).getroot().find("{*}calcPr")
        recalculates = calculation is not None and calculation.get("fullCalcOnLoad") in ("1", "true", "on")
    shared = next((sheet._shared_strings for sheet in book.worksheets), [])
    return Look(formats, shared, book.epoch == MAC_EPOCH, recalculates)


def _damaged_workbook() -> AbstractContextManager[None]:
    """Turns what reading a broken workbook raises into the user's error."""
    from xml.etree.ElementTree import ParseError

    from lxml.etree import XMLSyntaxError
    from openpyxl.utils.exceptions import InvalidFileException

    own = (InvalidFileException, XMLSyntaxError, ParseError, zipfile.BadZipFile)
    return damaged_by(
        "The workbook cannot be read.", *own, KeyError, ValueError, TypeError, AttributeError, IndexError
    )
