"""The order in which recognized lines are read, and the blocks that they make.

Lines and their places are looked at along the writing and across it, so that vertical writing, whose lines follow one
another from right to left, needs no rules of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from workers.contract.blocks import Block, Box
from workers.engines.ingest.ocr.lines import Area, Line
from workers.engines.shared.text import join_wrapped_lines, normalize, row_text

COLUMN_GAP, CELL_GAP = 1.2, 2.5
"""In heights of a character: between columns at least, and between cells of a row; a word's gap is smaller."""
FULL_LINES, LEAST_CHARACTERS = 0.6, 8
"""Columns of text have lines that fill them (their median share) and are so many characters wide; others are tables."""
LINE_DISTANCE = 2.6
"""In heights, from line to line of a paragraph at most."""
LARGER, MUCH_LARGER = 1.3, 1.6
_LIST_MARK = re.compile(r"[・•●○◆■□◇▪*] ?\S|[-–] \S")


@dataclass(frozen=True)
class Piece:
    """A line, from `begin` to `end` along the writing and from `near` to `far` across it."""

    line: Line
    begin: float
    end: float
    near: float
    far: float


@dataclass(frozen=True)
class Paragraph:
    """Rows of pieces that are read as one; each row has one piece, or those of a table's row."""

    rows: list[list[Piece]]

    @property
    def pieces(self) -> list[Piece]:
        return [piece for row in self.rows for piece in row]


def is_vertical(lines: Sequence[Line]) -> bool:
    """Whether most characters of the page stand below one another."""
    return 2 * sum(len(line.text) for line in lines if line.is_vertical) > sum(
        len(line.text) for line in lines
    )


def paragraphs(lines: Sequence[Line]) -> list[Paragraph]:
    """In the order in which they are read."""
    if not lines:
        return []
    pieces = [_piece(line, is_vertical(lines)) for line in lines]
    height = median(line.height for line in lines)
    return [
        paragraph for column in _columns(pieces, height) for paragraph in _paragraphs(_rows(column), height)
    ]


def _piece(line: Line, vertical: bool) -> Piece:
    left, top, right, bottom = line.straight
    return Piece(line, top, bottom, -right, -left) if vertical else Piece(line, left, right, top, bottom)


# -- rows and columns -------------------------------------------------------------------------
def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces at one height, each row from its beginning."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda each: each.near + each.far):
        middle = (piece.near + piece.far) / 2
        if rows and middle < median(each.far for each in rows[-1]):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda each: each.begin) for row in rows]


def _columns(pieces: Sequence[Piece], height: float) -> Iterator[list[Piece]]:
    """Groups that are read one after another: rows across the page, and between those the columns."""
    if not pieces:
        return
    edges = min(piece.begin for piece in pieces), max(piece.end for piece in pieces)
    across: list[Piece] = []
    for run, gaps in _runs(_rows(pieces), edges, COLUMN_GAP * height):
        parted = _parted([piece for row in run for piece in row], gaps, height)
        if parted is None:
            across += (piece for row in run for piece in row)
            continue
        if across:
            yield across
        across = []
        for part in parted:
            yield from _columns(part, height)
    if across:
        yield across


def _runs(
    rows: Sequence[list[Piece]], edges: tuple[float, float], least: float
) -> Iterator[tuple[list[list[Piece]], list[tuple[float, float]]]]:
    """Rows one below the other that have gaps in common, with these; as many as possible."""
    run: list[list[Piece]] = []
    gaps: list[tuple[float, float]] = []
    for row in rows:
        own = _gaps(row, edges)
        common = _common(gaps, own, least) if run else own
        if run and not common:
            yield run, gaps
            run, common = [], own
        run.append(row)
        gaps = common
    yield run, gaps


def _gaps(row: Sequence[Piece], edges: tuple[float, float]) -> list[tuple[float, float]]:
    """Where nothing of the row stands, between the edges."""
    found, free = [], edges[0]
    for piece in row:
        found.append((free, piece.begin))
        free = max(free, piece.end)
    return [(begin, end) for begin, end in [*found, (free, edges[1])] if end > begin]


def _common(
    gaps: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]], least: float
) -> list[tuple[float, float]]:
    both = [(max(a, c), min(b, d)) for a, b in gaps for c, d in others]
    return [(begin, end) for begin, end in both if end - begin >= least]


def _parted(
    pieces: Sequence[Piece], gaps: Sequence[tuple[float, float]], height: float
) -> tuple[list[Piece], list[Piece]] | None:
    """What stands before and after the first gap that parts text; None where none does."""
    for begin, end in gaps:
        before = [piece for piece in pieces if piece.end <= begin]
        after = [piece for piece in pieces if piece.begin >= end]
        if end - begin >= COLUMN_GAP * height and _is_text(before, height) and _is_text(after, height):
            return before, after
    return None


def _is_text(pieces: Sequence[Piece], height: float) -> bool:
    if len(pieces) < 2:
        return False
    width = max(piece.end for piece in pieces) - min(piece.begin for piece in pieces)
    full = median(piece.end - piece.begin for piece in pieces)
    return width >= LEAST_CHARACTERS * height and full >= FULL_LINES * width


# -- paragraphs -------------------------------------------------------------------------------
def _paragraphs(rows: Sequence[list[Piece]], height: float) -> Iterator[Paragraph]:
    begun: list[list[Piece]] = []
    steps = [_middle(after) - _middle(before) for before, after in pairwise(rows)]
    usual = median(steps) if steps else 0.0
    begin = min((piece.begin for row in rows for piece in row), default=0.0)
    end = max((piece.end for row in rows for piece in row), default=0.0)
    for row in rows:
        if begun and not _goes_on(begun, row, usual, height, begin, end):
            yield Paragraph(begun)
            begun = []
        begun.append(row)
    if begun:
        yield Paragraph(begun)


def _goes_on(
    begun: list[list[Piece]], row: list[Piece], usual: float, height: float, begin: float, end: float
) -> bool:
    """Whether the row belongs to the paragraph: same size, no larger distance, and the row before is full."""
    last = begun[-1]
    if _cells(last, height) > 1 or _cells(row, height) > 1:
        # Rows of one table stay together.
        return _cells(last, height) > 1 and _cells(row, height) > 1
    sizes = sorted((_size(last), _size(row)))
    return (
        _middle(row) - _middle(last) <= min(1.3 * usual, LINE_DISTANCE * height)
        and sizes[1] < LARGER * sizes[0]
        and last[-1].end >= end - 2.5 * height
        and row[0].begin <= max(begin, begun[-1][0].begin) + 0.6 * height
        and not _LIST_MARK.match(row[0].line.text)
    )


def _middle(row: Sequence[Piece]) -> float:
    return median((piece.near + piece.far) / 2 for piece in row)


def _size(row: Sequence[Piece]) -> float:
    return median(piece.line.height for piece in row)


def _cells(row: Sequence[Piece], height: float) -> int:
    return 1 + sum(after.begin - before.end > CELL_GAP * height for before, after in pairwise(row))


# -- text and blocks --------------------------------------------------------------------------
def page_text(lines: Sequence[Line], scale: float, places: Sequence[Area]) -> tuple[str, tuple[Block, ...]]:
    """The text in reading order and its blocks; `places`: of each line, where the page shows it."""
    shown = dict(zip(map(id, lines), places, strict=True))
    height = median(line.height for line in lines) if lines else 1.0
    texts: list[str] = []
    blocks: list[Block] = []
    at = 0
    for paragraph in paragraphs(lines):
        text = _text(paragraph, height)
        if not text:
            continue
        kind, level = _kind(paragraph, text, height)
        found = [piece.line for piece in paragraph.pieces]
        blocks.append(
            Block(
                start=at,
                end=at + len(text),
                kind=kind,
                level=level,
                box=_box([shown[id(line)] for line in found], scale),
                confidence=mean_confidence(found),
            )
        )
        texts.append(text)
        at += len(text) + 1
    return "\n".join(texts), tuple(blocks)


def mean_confidence(lines: Sequence[Line]) -> float:
    """Over the characters; 0 without any."""
    count = sum(len(line.text) for line in lines)
    total = sum(line.confidence * len(line.text) for line in lines)
    return round(min(1.0, total / count), 4) if count else 0.0


def _text(paragraph: Paragraph, height: float) -> str:
    text = "\n".join(text for row in paragraph.rows if (text := _row_text(row, height)))
    is_table = _cells(paragraph.rows[0], height) > 1
    return text if is_table else join_wrapped_lines(text)


def _row_text(row: Sequence[Piece], height: float) -> str:
    cells = [row[0].line.text]
    for before, after in pairwise(row):
        if after.begin - before.end > CELL_GAP * height:
            cells.append(after.line.text)
        else:
            cells[-1] += f" {after.line.text}"
    texts = [normalize(cell).replace("\n", " ") for cell in cells]
    return row_text(tuple(texts)) if len(texts) > 1 else texts[0]


def _kind(
    paragraph: Paragraph, text: str, height: float
) -> tuple[Literal["heading", "list_item", "paragraph"], int | None]:
    size = median(piece.line.height for piece in paragraph.pieces)
    if len(paragraph.rows) == 1 and size >= LARGER * height:
        return "heading", 1 if size >= MUCH_LARGER * height else 2
    return ("list_item", 1) if _LIST_MARK.match(text) else ("paragraph", None)


def _box(areas: Sequence[Area], scale: float) -> Box:
    lefts, tops, rights, bottoms = zip(*areas, strict=True)
    left, top, right, bottom = (
        round(side / scale, 2) for side in (min(lefts), min(tops), max(rights), max(bottoms))
    )
    return Box(left=left, top=top, right=right, bottom=bottom)
