"""Plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from workers.contract.media_types import TEXT
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import wrong_type
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import SectionHeading, sections
from workers.engines.ingest.training_formats import refuse_other_formats
from workers.engines.shared.text import normalize_layout

LONGEST_SECTION = 100_000
"""Characters: about seventy sheets of paper. A longer text without form feeds is shown and cited in several sections."""
_ENDS = ("\n\n", "\n", "。", " ")
"""Where a text is cut, the best first."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@parser(TEXT)
def parse_text(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One section, or one per form feed; long ones in several."""
    text = read_text(file)
    refuse_other_formats(text)
    parts = (piece for part in text.split("\f") for piece in _cut(part))
    return ParsedDocument(
        sections(piece for part in parts for piece in (SectionHeading(None), normalize_layout(part)))
    )


def _cut(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > LONGEST_SECTION:
        last = start + LONGEST_SECTION
        # Not in the first half: then the sections would be short.
        ends = (text.rfind(end, start + LONGEST_SECTION // 2, last) + len(end) for end in _ENDS)
        end = next((end for end, mark in zip(ends, _ENDS, strict=True) if end >= len(mark)), last)
        yield text[start:end]
        start = end
    yield text[start:]


def read_text(file: BinaryIO) -> str:
    """Raises UserError `undecodable_text`, `wrong_type`."""
    text = decode(file.read())
    # Old printers leave a few stray control characters; more than a few are binary data.
    if len(_CONTROL.findall(text)) > max(8, len(text) // 100):
        raise wrong_type("The file holds binary data.", reason="binary")
    return text
