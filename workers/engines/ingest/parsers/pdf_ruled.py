"""The text within the rules of tables, as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from workers.contract.records import Table
from workers.engines.ingest.parsers.pdf_geometry import Box, Frame, Rect
from workers.engines.ingest.parsers.pdf_glyphs import Glyph
from workers.engines.ingest.parsers.pdf_grids import Grid, grids_of
from workers.engines.ingest.parsers.pdf_order import Reading, item_of
from workers.engines.ingest.parsers.pdf_pieces import PageText, Piece
from workers.engines.ingest.parsers.pdf_rows import Item
from workers.engines.ingest.parsers.tables import table_of
from workers.engines.shared.text import continues, glue, normalize

_OVER = 0.5
"""Of the type's size: a text that reaches so far over a rule is cut there."""
MOST_TABLES = 100
"""Of a page; the largest ones."""
_FULL = 1.6
"""Sizes of the type between the end of a line and the side of its cell: with less, it goes on in the next line."""
Cells = dict[tuple[int, int], list[Piece]]


def with_tables(
    pieces: Sequence[Piece], rules: Iterable[Box], text: PageText, frame: Frame
) -> tuple[list[Piece], list[Item]]:
    """The pieces outside of tables, and the tables."""
    grids = grids_of(list(map(frame.rect, rules)))[:MOST_TABLES]
    if not grids:
        return list(pieces), []
    rest, tables = [(piece, frame.rect(piece.box)) for piece in pieces], []
    for grid in grids:
        left, top, right, bottom = around = grid.rect
        inside: list[Piece] = []
        outside: list[tuple[Piece, Rect]] = []
        for piece, rect in rest:
            if left <= rect.centre <= right and top <= rect.middle <= bottom:
                inside.append(piece)
            else:
                outside.append((piece, rect))
        table = _table(_cells(inside, grid, text, frame), grid, frame) if inside else None
        if table is not None:
            rest = outside
            tables.append(Item(around, median(piece.size for piece in inside), "", table=table))
    return [piece for piece, _ in rest], tables


def _cells(pieces: Iterable[Piece], grid: Grid, text: PageText, frame: Frame) -> Cells:
    cells: Cells = defaultdict(list)
    for piece in pieces:
        rect, over = frame.rect(piece.box), _OVER * piece.size
        cell = grid.cell(rect.centre, rect.middle)
        (left, right), _ = grid.sides(cell)
        if (rect.left >= left - over and rect.right <= right + over) or piece.is_vertical or piece.is_value:
            cells[cell].append(piece)
            continue
        for place, part in _parts(piece, grid, text, frame):
            cells[place].append(part)
    return cells


def _parts(piece: Piece, grid: Grid, text: PageText, frame: Frame) -> Iterator[tuple[tuple[int, int], Piece]]:
    """A piece that goes over the rule between two cells: what of it stands in which."""
    by_cell: dict[tuple[int, int], list[Glyph]] = defaultdict(list)
    cell = grid.cell(frame.rect(piece.box).left, frame.rect(piece.box).middle)
    for glyph in text.glyphs(piece):
        if glyph.box is not None:
            place = frame.rect(glyph.box)
            cell = grid.cell(place.centre, place.middle)
        by_cell[cell].append(glyph)
    for cell, glyphs in by_cell.items():
        for part in text.cut(glyphs):
            yield cell, part


def _table(cells: Cells, grid: Grid, frame: Frame) -> Table | None:
    """None where the rules are no table: nothing, or only one row or column, stands in them."""
    rows, columns = grid.size
    filled = dict(
        zip(
            cells,
            _normalized([_cell_text(cells[cell], grid.sides(cell)[0][1], frame) for cell in cells]),
            strict=True,
        )
    )
    places = [place for place, text in filled.items() if text]
    if len({row for row, _ in places}) < 2 or len({column for _, column in places}) < 2:
        return None
    texts = [[filled.get((row, column), "") for column in range(columns)] for row in range(rows)]
    return table_of(texts, merges=grid.merges)


def _normalized(texts: Sequence[str]) -> list[str]:
    """All at once is faster, where none has several lines or gets lost."""
    together = normalize("\n".join(texts)).split("\n")
    return together if len(together) == len(texts) and all(together) else list(map(normalize, texts))


def _cell_text(pieces: Sequence[Piece], right: float, frame: Frame) -> str:
    """The lines of a cell; those that only its width divides are joined."""
    if len(pieces) == 1 and "\n" not in pieces[0].text:
        return pieces[0].text
    if all(piece.is_vertical for piece in pieces):
        frame = Frame(frame.page, frame.quarters, vertical=True)
        right = float("inf")
    reading = Reading()
    reading.read([item_of(piece, frame) for piece in pieces], frame, as_rows=True)
    lines = [(normalize(line.text), frame.rect(line.box), line.size) for line in reading.lines]
    if not lines:
        return ""
    text = lines[0][0]
    for (before, rect, size), (line, _, _) in pairwise(lines):
        is_full = right - rect.right < _FULL * size or right == float("inf")
        text = glue(text, line) if is_full and continues(before, line) else f"{text}\n{line}"
    return text
