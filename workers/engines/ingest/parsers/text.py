"""Plain text."""

from __future__ import annotations

import re
from typing import BinaryIO

from workers.contract.media_types import TEXT
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import wrong_type
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import SectionHeading, sections
from workers.engines.ingest.training_formats import refuse_other_formats
from workers.engines.shared.text import normalize_layout

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@parser(TEXT)
def parse_text(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """One section, or one per form feed."""
    text = read_text(file)
    refuse_other_formats(text)
    parts = text.split("\f")
    return ParsedDocument(
        sections(piece for part in parts for piece in (SectionHeading(None), normalize_layout(part)))
    )


def read_text(file: BinaryIO) -> str:
    """Raises UserError `undecodable_text`, `wrong_type`."""
    text = decode(file.read())
    # Old printers leave a few stray control characters; more than a few are binary data.
    if len(_CONTROL.findall(text)) > max(8, len(text) // 100):
        raise wrong_type("The file holds binary data.", reason="binary")
    return text
