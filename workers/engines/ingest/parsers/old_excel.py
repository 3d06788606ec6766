"""Old workbooks (.xls) where LibreOffice does not convert them: values and merges, not how Excel shows numbers."""

from __future__ import annotations

import datetime
from typing import Any, BinaryIO

from workers.contract.media_types import DOC, PPT, XLS
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import damaged, damaged_by, encrypted
from workers.engines.ingest.parsers.excel_formats import general
from workers.engines.ingest.parsers.excel_pages import page_of
from workers.engines.ingest.parsers.excel_sheet import Sheet, cell_text
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.tables import Merge
from workers.engines.shared.runtime import UserError


@parser(DOC, PPT)
def refuse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    raise UserError(
        "old_office_format",
        "The file is in the old Office format (.doc, .ppt), which this installation cannot convert: it needs LibreOffice on the "
        "node, and namespaces to confine it. Save the file as .docx or .pptx and upload it again.",
    )


@parser(XLS, libraries=("python_calamine",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    import python_calamine

    try:
        with damaged_by("The workbook cannot be read.", python_calamine.CalamineError, ValueError, OSError):
            book = python_calamine.load_workbook(file)
            shown = [
                each
                for each in book.sheets_metadata
                if each.visible == python_calamine.SheetVisibleEnum.Visible
            ]
            sheets = [each for each in shown if each.typ == python_calamine.SheetTypeEnum.WorkSheet]
            pages = [
                _page(number, book.get_sheet_by_name(each.name)) for number, each in enumerate(sheets, 1)
            ]
    except UserError as error:
        if isinstance(error.__cause__, python_calamine.PasswordError):
            raise encrypted("The workbook is protected by a password.") from error
        raise
    except BaseException as error:
        # Calamine is written in Rust, whose own kind of exception is none of Python's.
        if type(error).__name__ != "PanicException":
            raise
        raise damaged("The workbook cannot be read.") from error
    hidden = len(book.sheets_metadata) - len(shown)
    warnings = (f"hidden_sheets_skipped:{hidden}",) if hidden else ()
    return ParsedDocument(pages, page_count=len(pages), warnings=(*warnings, "number_formats_not_read"))


def _page(number: int, read: Any) -> Page:
    sheet = Sheet()
    for index, row in enumerate(read.to_python(skip_empty_area=False)):
        texts = [cell_text(_text(value)) for value in row]
        if any(texts):
            sheet.rows[index] = texts
    for (top, left), (bottom, right) in read.merged_cell_ranges or ():
        sheet.merges.append(Merge(top, left, bottom, right))
    return page_of(number, read.name, sheet)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return general(float(value))
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "seconds")
    return str(value)
