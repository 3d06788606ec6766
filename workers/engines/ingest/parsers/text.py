"""Plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from workers.contract.media_types import MARKDOWN, TEXT
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import wrong_type
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import Block, Heading, sections
from workers.engines.ingest.training_formats import refuse_other_formats
from workers.engines.shared.text import lines_with_code, normalize_layout

_HEADING = re.compile(r"(#{1,2}) +(.+?)(?: +#+)?$")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@parser(TEXT)
def parse_text(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One section, or one per form feed."""
    text = read_text(file)
    refuse_other_formats(text)
    parts = text.split("\f")
    return ParsedDocument(
        sections(block for part in parts for block in (Heading(None), normalize_layout(part)))
    )


@parser(MARKDOWN)
def parse_markdown(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One section per heading of the first two levels."""
    blocks = list(_markdown_blocks(normalize_layout(read_text(file))))
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


def read_text(file: BinaryIO) -> str:
    """Raises UserError `undecodable_text`, `wrong_type`."""
    text = decode(file.read())
    # Old printers leave a few stray control characters; more than a few are binary data.
    if len(_CONTROL.findall(text)) > max(8, len(text) // 100):
        raise wrong_type("The file holds binary data.")
    return text
