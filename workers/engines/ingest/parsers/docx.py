"""Word documents: one section per heading of the first two levels, tables in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import DOCX, damaged_by
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import Block, Heading, sections, table_of
from workers.engines.shared.text import normalize

_SECTION_HEADING = re.compile(r"(?:heading|見出し)\s*[12]", re.I)
"""Names of the styles of the first two levels."""


@parser(DOCX, libraries=("docx",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    import docx

    check_archive(file, spec.max_expanded_bytes)
    with _damaged_document():
        document = docx.Document(file)
    title = normalize(document.core_properties.title or "") or None
    return ParsedDocument(sections(_blocks(document)), title=title)


def _damaged_document() -> AbstractContextManager[None]:
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import XMLSyntaxError

    own = (PackageNotFoundError, XMLSyntaxError)
    return damaged_by("The Word document cannot be read.", *own, KeyError, ValueError, AttributeError)


def _blocks(document: Any) -> Iterator[Block]:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    with _damaged_document():
        for block in document.iter_inner_content():
            if isinstance(block, Paragraph):
                text = normalize(block.text)
                style = block.style
                is_heading = style is not None and _SECTION_HEADING.match(style.name or "")
                yield Heading(text) if text and is_heading else text
            elif isinstance(block, Table) and (table := table_of(_rows(block))) is not None:
                yield table


def _rows(table: Any) -> list[tuple[str, ...]]:
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
