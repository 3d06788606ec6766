"""A page's text as headings, paragraphs, lists and tables, from its blocks; the passage that an address names is marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from documents.places import Passage
from workers.contract.blocks import LOW_CONFIDENCE
from workers.contract.cells import column_letters, range_of, row_numbers
from workers.contract.records import Table

MOST_ROWS = 500
"""Of one table; all of them are in the plain text."""
ROWS_BEFORE = 20
"""Of a row that is marked, where not all rows are shown."""
_HIGHEST, _LOWEST = 4, 6
"""Of the headings of HTML: those above are the page's own."""
_MARKED = re.compile(r"[^\w\s]|[0-9]{1,3}[.)\s]|[a-zア-ン一二三四五六七八九十]{1,3}[.)\s]")
_ONLY_MARKS = re.compile(r"[\s#]*")
NOTHING = Passage()


@dataclass(frozen=True)
class Piece:
    text: str
    is_marked: bool = False


@dataclass(frozen=True)
class Row:
    cells: Sequence[Piece]
    number: str = ""
    """As the sheet counts it; `1-2` for a header of two rows, empty outside sheets."""


@dataclass(frozen=True)
class Element:
    """`kind` is heading, paragraph, list, item, table or note."""

    kind: str
    block: int | None = None
    """Which of the page's blocks it shows, from 0; None for text that is in none."""
    pieces: Sequence[Piece] = ()
    level: int = 0
    confidence: float | None = None
    """Of recognized text (OCR) that a person should compare with the picture."""
    items: list[Element] = field(default_factory=list)
    letters: Sequence[str] = ()
    """Of the columns of a sheet."""
    header: Row | None = None
    rows: Sequence[Row] = ()
    cells: str = ""
    left_out: int = 0
    """Rows that are not shown."""

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def has_own_mark(self) -> bool:
        """Whether its text begins with a mark or a number of its own."""
        return _MARKED.match(self.text) is not None


@dataclass(frozen=True)
class ShownBox:
    """Where a block stands on the page, in its points."""

    block: int
    x: float
    y: float
    width: float
    height: float
    is_unsure: bool
    is_marked: bool


def elements_of(page: dict[str, Any], passage: Passage = NOTHING) -> list[Element]:
    """Empty for a page without blocks. What is in no block is a paragraph, so that nothing is lost; a heading that is
    the page's own name stands above it already."""
    text, elements, end = page["text"], [], 0
    blocks = page.get("blocks", ())
    starts = [*(block["start"] for block in blocks), len(text)]
    for number, (block, start) in enumerate(zip_longest(blocks, starts)):
        between = text[end:start]
        if blocks and not _ONLY_MARKS.fullmatch(between):
            at = end + len(between) - len(between.lstrip())
            elements.append(Element("paragraph", pieces=pieces_of(between.strip(), passage, at)))
        if block is not None:
            end = block["end"]
            _add(elements, number, page, passage)
    is_named = bool(elements) and elements[0].kind == "heading" and elements[0].text == page.get("label")
    return elements[1:] if is_named and len(elements) > 1 else elements


def pieces_of(text: str, passage: Passage, start: int = 0) -> list[Piece]:
    """The text, which begins at `start` of its page, cut where the passage begins and ends in it."""
    first = max(passage.start - start, 0)
    last = min(passage.end - start, len(text))
    if first >= last:
        return [Piece(text)]
    pieces = [Piece(text[:first]), Piece(text[first:last], is_marked=True), Piece(text[last:])]
    return [piece for piece in pieces if piece.text]


def boxes_of(page: dict[str, Any], passage: Passage = NOTHING) -> list[ShownBox]:
    """Of the blocks whose place on the page is known."""
    return [
        ShownBox(
            block=number,
            x=box["left"],
            y=box["top"],
            width=box["right"] - box["left"],
            height=box["bottom"] - box["top"],
            is_unsure=_unsure(block) is not None,
            is_marked=_is_marked(block, passage),
        )
        for number, block in enumerate(page.get("blocks", ()))
        if (box := block.get("box"))
    ]


def _is_marked(block: dict[str, Any], passage: Passage) -> bool:
    in_text = passage.start < block["end"] and passage.end > block["start"]
    return in_text or (passage.table is not None and passage.table == block.get("table"))


def _unsure(block: dict[str, Any]) -> float | None:
    confidence: float | None = block.get("confidence")
    return confidence if confidence is not None and confidence < LOW_CONFIDENCE else None


def _add(elements: list[Element], number: int, page: dict[str, Any], passage: Passage) -> None:
    block = page["blocks"][number]
    kind, level = block["kind"], block.get("level") or 1
    if kind == "table" and block.get("table") is not None:
        elements.append(_table(page, number, passage))
        return
    pieces = pieces_of(page["text"][block["start"] : block["end"]], passage, block["start"])
    confidence = _unsure(block)
    if kind == "list_item":
        if not elements or elements[-1].kind != "list":
            elements.append(Element("list"))
        elements[-1].items.append(Element("item", number, pieces, level, confidence))
    elif kind == "heading":
        elements.append(Element("heading", number, pieces, min(_HIGHEST + level - 1, _LOWEST), confidence))
    else:
        shown = "note" if kind == "note" else "paragraph"
        elements.append(Element(shown, number, pieces, confidence=confidence))


def _table(page: dict[str, Any], number: int, passage: Passage) -> Element:
    block = page["blocks"][number]
    which = block["table"]
    table = Table.model_construct(**page["tables"][which])
    is_sheet = page["kind"] == "sheet"
    cells = passage.cells if passage.table in (None, which) and (is_sheet or passage.table == which) else ""
    rows = list(_rows(table, cells, is_sheet=is_sheet))
    header = rows[0] if len(rows) > 1 else None
    shown, left_out = _shown_rows(rows[1:] if header else rows)
    left = range_of(table.cells)[1] if is_sheet else 0
    width = max((len(row.cells) for row in rows), default=0)
    return Element(
        "table",
        number,
        letters=[column_letters(left + column) for column in range(width)] if is_sheet else (),
        header=header,
        rows=shown,
        cells=table.cells if is_sheet else "",
        left_out=left_out,
        confidence=_unsure(block),
    )


def _rows(table: Table, marked: str, *, is_sheet: bool) -> Iterator[Row]:
    """Those that are not empty."""
    left = range_of(table.cells)[1] if is_sheet or marked else 0
    top, first, bottom, last = range_of(marked) if marked else (1, 1, 0, 0)
    for place, row in enumerate(table.rows):
        if not any(row):
            continue
        begin, end = row_numbers(table, place) if is_sheet or marked else (0, 0)
        is_in_rows = top < end and begin <= bottom + 1
        cells = [
            Piece(cell, is_in_rows and first <= left + column <= last) for column, cell in enumerate(row)
        ]
        number = (str(begin) if begin == end else f"{begin}-{end}") if is_sheet else ""
        yield Row(cells, number)


def _shown_rows(rows: Sequence[Row]) -> tuple[Sequence[Row], int]:
    """As many as are shown, those around a marked one among them; and how many are not."""
    marked = next((place for place, row in enumerate(rows) if any(cell.is_marked for cell in row.cells)), 0)
    begin = max(0, marked - ROWS_BEFORE) if marked >= MOST_ROWS else 0
    shown = rows[begin : begin + MOST_ROWS]
    return shown, len(rows) - len(shown)
