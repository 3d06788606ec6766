"""Cut pages into passages at the boundaries in the text.

Articles (第N条) of regulations and rows of spreadsheets are passages of their own; prose is cut at
the ends of sentences. Every passage knows where it came from, down to the range of cells, and where personal data stand
in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from workers.contract.blocks import Heading, headings_after
from workers.contract.cells import rows_range
from workers.contract.personal_data import (
    PageFinds,
    PersonalSpan,
    masked,
    masked_label,
    masked_page,
    merged,
)
from workers.contract.records import Page, Source, Table
from workers.contract.specs.retrieval import Chunking, RetrievalSource
from workers.engines.retrieval.pieces import Piece, line_start, pieces_of, sentence_pieces, whole_piece
from workers.engines.shared.index.passages import Passage
from workers.engines.shared.records import page_source

NUMBER = re.compile(r"[-+¥$]?[\d,.]+[%円]?")
LONGEST_HEADER_CELL = 40
BETWEEN_HEADINGS = " > "
LONGEST_PATH = 160
"""Characters, so that the text below them is read whole by the embedding model."""


def passages_of(
    document: RetrievalSource,
    pages: Iterable[Page],
    chunking: Chunking,
    personal_data: Mapping[int, PageFinds] | None = None,
) -> list[Passage]:
    """All passages of a document in reading order; a text repeated on one page appears once.

    `personal_data`: the finds of each page, by its number.
    """
    found: dict[str, Passage] = {}
    for page in pages:
        finds = (personal_data or {}).get(page.number, PageFinds())
        label = masked_label(page, finds)
        for text, place, spans, above in _page_passages(page, page_source(document, page), chunking, finds):
            passage = Passage(text, place, document.groups, tuple(spans), *above, label)
            # Of two places with the same text, what is personal in one of them is so in the passage.
            if (same := found.get(passage.id)) is not None:
                passage = replace(same, personal_data=tuple(merged([*same.personal_data, *spans])))
            found[passage.id] = passage
    return list(found.values())


def _page_passages(
    page: Page, source: Source, chunking: Chunking, finds: PageFinds
) -> Iterator[tuple[str, Source, list[PersonalSpan], Above]]:
    """Text, place, personal data in the text, and the headings above it."""
    headings = HeadingsAbove(page, finds)
    for number, table in enumerate(page.tables):
        above = headings.of_table(number)
        for text, place, spans in _row_passages(table, source, chunking, finds.cells(number)):
            yield text, place, spans, above
    # A sheet's text is its tables written out once more.
    if not (page.kind == "sheet" and page.tables):
        for piece in pieces_of(page.text, chunking, page.blocks):
            yield piece.text, source, piece.spans(finds.text), headings.of(piece)


class Above(NamedTuple):
    text: str
    masked: str | None
    """None where it is the same."""


NOTHING_ABOVE = Above("", None)


def _above(text: str, masked_text: str) -> Above:
    return Above(text, masked_text if masked_text != text else None)


class HeadingsAbove:
    """The headings above each piece of a page, as one line: `就業規則 > 第3章 休暇 > 第12条(年次有給休暇)`."""

    def __init__(self, page: Page, finds: PageFinds) -> None:
        placed = list(page.placed_blocks())
        self._paths = [
            _above(_line(path), _line(hidden))
            for (_, _, path), hidden in zip(placed, _masked_paths(page, finds), strict=True)
        ]
        self._starts = [line_start(page.text, block) for block, _, _ in placed]
        self._of_tables = {
            block.table: path
            for (block, _, _), path in zip(placed, self._paths, strict=True)
            if block.table is not None
        }

    def of(self, piece: Piece) -> Above:
        """Of its first block, without the heading that the piece itself begins with."""
        number = bisect_right(self._starts, piece.parts[0].start) - 1
        return self._paths[number] if number >= 0 else NOTHING_ABOVE

    def of_table(self, number: int) -> Above:
        return self._of_tables.get(number, NOTHING_ABOVE)


def _masked_paths(page: Page, finds: PageFinds) -> Iterator[tuple[Heading, ...]]:
    """The headings above each block, as `Page.placed_blocks` has them, masked."""
    path = masked_page(page, finds).headings
    for block, text, _ in page.placed_blocks():
        if block.kind != "heading":
            yield path
            continue
        spans = whole_piece(text, block.start).spans(finds.text)
        path = headings_after(path, Heading(level=block.level or 1, text=masked(text, spans)))
        yield path[:-1]


def _line(path: Sequence[Heading]) -> str:
    """The nearest headings, as many as fit; the others say less of what is below."""
    line = ""
    for heading in reversed(path):
        longer = f"{heading.text}{BETWEEN_HEADINGS}{line}" if line else heading.text
        if len(longer) > LONGEST_PATH:
            break
        line = longer
    return line


def _row_passages(
    table: Table,
    source: Source,
    chunking: Chunking,
    finds: Mapping[tuple[int, int], Sequence[PersonalSpan]],
) -> Iterator[tuple[str, Source, list[PersonalSpan]]]:
    header = _header(table)
    for number in range(1 if header else 0, len(table.rows)):
        text, spans = _row_text(table, header, number, finds)
        place = source.model_copy(update={"cells": rows_range(table, number)})
        for piece in sentence_pieces(text, chunking):
            yield piece.text, place, piece.spans(spans)


def _header(table: Table) -> tuple[str, ...]:
    """The first row where it looks like names of columns: several, short, different, not numbers."""
    first = [cell.strip() for cell in table.rows[0]] if len(table.rows) > 1 else []
    named = [cell for cell in first if cell]
    if len(named) < 2 or len(set(named)) != len(named):
        return ()
    if any(len(cell) > LONGEST_HEADER_CELL or NUMBER.fullmatch(cell) for cell in named):
        return ()
    return tuple(first)


def _row_text(
    table: Table,
    header: tuple[str, ...],
    row: int,
    finds: Mapping[tuple[int, int], Sequence[PersonalSpan]],
) -> tuple[str, list[PersonalSpan]]:
    """`質問: … 回答: …`: each cell after the name of its column, empty cells left out; and the finds in it."""
    text, spans = "", []
    for column, cell in enumerate(table.rows[row]):
        if not cell.strip():
            continue
        text += "\n" if text else ""
        if column < len(header) and header[column]:
            title = table.rows[0][column]
            spans += _moved(title, finds.get((0, column), ()), len(text))
            text += f"{header[column]}: "
        spans += _moved(cell, finds.get((row, column), ()), len(text))
        text += cell.strip()
    return text, spans


def _moved(cell: str, finds: Sequence[PersonalSpan], at: int) -> Iterator[PersonalSpan]:
    """The finds of a cell as spans of a text that has the stripped cell from `at` on."""
    start = len(cell) - len(cell.lstrip())
    moved = (span.within(start, start + len(cell.strip()), at) for span in finds)
    return (span for span in moved if span)
