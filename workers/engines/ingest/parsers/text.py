"""Plain text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import wrong_type
from workers.engines.ingest.parsers import Extracted, check_page_count
from workers.engines.ingest.parsers.sections import SectionBuilder
from workers.engines.ingest.parsers.xlsx import sheet_page
from workers.engines.shared.text import normalize

_HEADING = re.compile(r"(#{1,2}) +(.+?)(?: +#+)?$")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def parse_text(path: Path, spec: IngestSpec) -> Extracted:
    """One section, or one per form feed."""
    sections = SectionBuilder()
    for part in _read(path).split("\f"):
        sections.begin(None)
        sections.add_text(normalize(part))
    pages = sections.pages()
    check_page_count(len(pages), spec)
    return Extracted(pages)


def parse_markdown(path: Path, spec: IngestSpec) -> Extracted:
    """One section per heading of the first two levels."""
    sections = SectionBuilder()
    block: list[str] = []
    fenced = False
    title: str | None = None
    for line in normalize(_read(path)).split("\n"):
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading:
            sections.add_text("\n".join(block).strip())
            sections.begin(heading[2])
            title = title or heading[2]
            block = []
        else:
            block.append(line)
    sections.add_text("\n".join(block).strip())
    pages = sections.pages()
    check_page_count(len(pages), spec)
    return Extracted(pages, title)


def parse_csv(path: Path, spec: IngestSpec) -> Extracted:
    """One sheet, so that its rows keep their cell ranges."""
    text = _read(path)
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",\t;", key=first_line.count)
    csv.field_size_limit(spec.max_bytes)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    page = sheet_page(1, None, ([normalize(cell) for cell in row] for row in rows))
    return Extracted([page] if page.text else [])


def _read(path: Path) -> str:
    text = decode(path.read_bytes())
    # A few stray control characters happen (old printers); more means that this is no text.
    if len(_CONTROL.findall(text)) > max(8, len(text) // 100):
        raise wrong_type("The file holds binary data.")
    return text
