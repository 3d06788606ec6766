"""One parser per format; each takes a path and limits and returns what it extracted.

They run in a child process (`workers.engines.ingest.parse_child`) and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workers.contract.records import MessagesRecord, Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest import file_types
from workers.engines.shared.runtime import UserError


@dataclass
class Extracted:
    """A document's pages in order, normalised; `records` only for JSONL."""

    pages: list[Page]
    title: str | None = None
    warnings: tuple[str, ...] = ()
    records: list[MessagesRecord] | None = None


Parser = Callable[[Path, IngestSpec], Extracted]


def parser_for(media_type: str) -> Parser:
    """The parser of a media type. Its libraries are loaded only now."""
    match media_type:
        case file_types.PDF:
            from workers.engines.ingest.parsers.pdf import parse
        case file_types.DOCX:
            from workers.engines.ingest.parsers.docx import parse
        case file_types.XLSX:
            from workers.engines.ingest.parsers.xlsx import parse
        case file_types.PPTX:
            from workers.engines.ingest.parsers.pptx import parse
        case file_types.HTML:
            from workers.engines.ingest.parsers.html import parse
        case file_types.CSV:
            from workers.engines.ingest.parsers.text import parse_csv as parse
        case file_types.MARKDOWN:
            from workers.engines.ingest.parsers.text import parse_markdown as parse
        case file_types.JSONL:
            from workers.engines.ingest.parsers.jsonl import parse
        case _:
            from workers.engines.ingest.parsers.text import parse_text as parse
    return parse


def check_page_count(count: int, spec: IngestSpec) -> None:
    if count > spec.max_pages:
        raise UserError(
            "too_many_pages",
            f"The document has {count} pages or sheets; the limit is {spec.max_pages}. Split it and upload the parts.",
        )
