"""Plain text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from workers.contract.media_types import CSV, MARKDOWN, TEXT
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import wrong_type
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import Block, Heading, sections
from workers.engines.ingest.parsers.sheets import sheet_page
from workers.engines.ingest.training_formats import refuse_other_formats
from workers.engines.shared.text import lines_with_code, normalize_layout

_HEADING = re.compile(r"(#{1,2}) +(.+?)(?: +#+)?$")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@parser(TEXT)
def parse_text(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One section, or one per form feed."""
    text = _read(file)
    refuse_other_formats(text)
    parts = text.split("\f")
    return ParsedDocument(
        sections(block for part in parts for block in (Heading(None), normalize_layout(part)))
    )


@parser(MARKDOWN)
def parse_markdown(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One section per heading of the first two levels."""
    blocks = list(_markdown_blocks(normalize_layout(_read(file))))
    headings = (block.text for block in blocks if isinstance(block, Heading))
    return ParsedDocument(sections(blocks), title=next(headings, None))


def _markdown_blocks(text: str) -> Iterator[Block]:
    lines: list[str] = []
    for line, is_code in lines_with_code(text):
        heading = None if is_code else _HEADING.match(line)
        if heading:
            yield "\n".join(lines).strip("\n")
            yield Heading(heading[2])
            lines = []
        else:
            lines.append(line)
    yield "\n".join(lines).strip("\n")


@parser(CSV)
def parse_csv(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One sheet, so that its rows keep their cell ranges."""
    text = _read(file)
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",\t;", key=first_line.count)
    csv.field_size_limit(spec.max_bytes)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    page = sheet_page(1, None, ([normalize_layout(cell).strip() for cell in row] for row in rows))
    return ParsedDocument([page] if page.text else [])


def _read(file: BinaryIO) -> str:
    text = decode(file.read())
    # Old printers leave a few stray control characters; more than a few are binary data.
    if len(_CONTROL.findall(text)) > max(8, len(text) // 100):
        raise wrong_type("The file holds binary data.")
    return text
