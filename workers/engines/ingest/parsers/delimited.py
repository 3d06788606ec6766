"""CSV and TSV: one sheet, so that its rows keep their cell ranges."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from typing import BinaryIO

from workers.contract.media_types import CSV, TSV
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sheets import sheet_page
from workers.engines.ingest.parsers.text import read_text
from workers.engines.shared.text import normalize_layout

_SEPARATORS = ",\t;|"
_SAMPLE_CHARACTERS, _SAMPLE_ROWS = 64_000, 200
_STATED = re.compile(r"sep=(.)\r?\n", re.I)
"""Excel's own line before the first row, which is not shown."""
_END = "\0end"
"""A row after the last one, which no file holds: control characters are dropped from texts."""


@parser(CSV, TSV)
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    text = read_text(file)
    csv.field_size_limit(spec.max_bytes)
    stated = _STATED.match(text)
    separator = stated[1] if stated else _separator(text)
    rows, warnings = _rows(text[stated.end() :] if stated else text, separator)
    page = sheet_page(1, None, ([normalize_layout(cell).strip() for cell in row] for row in rows))
    return ParsedDocument([page] if page.text else [], warnings=warnings)


def _rows(text: str, separator: str) -> tuple[list[list[str]], tuple[str, ...]]:
    """The rows, and a warning where a quote that nothing closes would have swallowed the rest of the file."""
    ended = text.rstrip("\r\n") + "\n" + _END
    *rows, last = csv.reader(io.StringIO(ended, newline=""), delimiter=separator)
    if last == [_END]:
        return rows, ()
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=csv.QUOTE_NONE)
    return list(lines), ("quotes_not_closed",)


def _separator(text: str) -> str:
    """The one by which most of the first rows have the same number of cells, and of several the most cells."""
    sample = text[:_SAMPLE_CHARACTERS]
    if len(sample) < len(text):
        sample = sample.rpartition("\n")[0]
    return max(_SEPARATORS, key=lambda each: _regularity(sample, each))


def _regularity(sample: str, separator: str) -> tuple[float, int]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    widths = [len(row) for row in islice(reader, _SAMPLE_ROWS) if any(row)]
    counts = Counter(width for width in widths if width > 1)
    if not counts:
        return 0.0, 0
    width, count = max(counts.items(), key=lambda each: (each[1], each[0]))
    return count / len(widths), width
