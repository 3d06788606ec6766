"""Word documents: one section per heading of the first two levels, tables in their place."""

from __future__ import annotations

import re
from pathlib import Path

import docx
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table as DocxTable
from docx.text.paragraph import Paragraph
from lxml.etree import XMLSyntaxError

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged
from workers.engines.ingest.parsers import Extracted, check_page_count
from workers.engines.ingest.parsers.sections import SectionBuilder
from workers.engines.shared.text import normalize

_HEADING = re.compile(r"(?:heading|見出し)\s*([1-9])", re.I)
_SECTION_LEVELS = (1, 2)


def parse(path: Path, spec: IngestSpec) -> Extracted:
    check_archive(path, spec.max_expanded_bytes)
    try:
        document = docx.Document(str(path))
        pages = _sections(document).pages()
    except (PackageNotFoundError, XMLSyntaxError, KeyError, ValueError, AttributeError) as error:
        raise damaged("The Word document cannot be read.") from error
    check_page_count(len(pages), spec)
    return Extracted(pages, normalize(document.core_properties.title or "") or None)


def _sections(document: Document) -> SectionBuilder:
    sections = SectionBuilder()
    for block in document.iter_inner_content():
        if isinstance(block, Paragraph):
            text = normalize(block.text)
            if text and _heading_level(block) in _SECTION_LEVELS:
                sections.begin(text)
            else:
                sections.add_text(text)
        elif isinstance(block, DocxTable):
            sections.add_table(_rows(block))
    return sections


def _heading_level(paragraph: Paragraph) -> int | None:
    style = paragraph.style
    match = _HEADING.match(style.name or "") if style is not None else None
    return int(match[1]) if match else None


def _rows(table: DocxTable) -> list[tuple[str, ...]]:
    """Cell texts by row; a merged cell is given once, its other places are empty."""
    seen: set[object] = set()
    rows: list[tuple[str, ...]] = []
    for row in table.rows:
        cells: list[str] = []
        for cell in row.cells:
            cells.append("" if cell._tc in seen else normalize(cell.text))
            seen.add(cell._tc)
        rows.append(tuple(cells))
    return rows
