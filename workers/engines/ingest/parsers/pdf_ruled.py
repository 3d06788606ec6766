"""The text within the rules of tables, as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from workers.contract.records import Table
from workers.engines.ingest.parsers.pdf_geometry import Box, Frame
from workers.engines.ingest.parsers.pdf_grids import Grid, grids_of
from workers.engines.ingest.parsers.pdf_order import Reading, item_of
from workers.engines.ingest.parsers.pdf_pieces import PageText, Piece
from workers.engines.ingest.parsers.pdf_rows import Item
from workers.engines.ingest.parsers.tables import table_of
from workers.engines.shared.text import continues, glue, normalize

_OVER = 0.35
"""Of the type's size: a text that reaches so far over a rule is cut there."""
_FULL = 1.6
"""Sizes of the type between the end of a line and the side of its cell: with less, it goes on in the next line."""
Cells = dict[tuple[int, int], list[Piece]]


def with_tables(
    pieces: Sequence[Piece], rules: Iterable[Box], text: PageText, frame: Frame
) -> tuple[list[Piece], list[Item]]:
    """The pieces outside of tables, and the tables."""
    grids = grids_of(map(frame.rect, rules))
    rest, tables = list(pieces), []
    for grid in grids:
        inside = [piece for piece in rest if _is_inside(piece, grid, frame)]
        cells = _cells(inside, grid, text, frame)
        table = _table(cells, grid, frame)
        if table is not None:
            taken = set(map(id, inside))
            rest = [piece for piece in rest if id(piece) not in taken]
            size = median(piece.size for piece in inside)
            tables.append(Item(grid.rect, size, "", table=table))
    return rest, tables


def _is_inside(piece: Piece, grid: Grid, frame: Frame) -> bool:
    rect, around = frame.rect(piece.box), grid.rect
    return around.left <= rect.centre <= around.right and around.top <= rect.middle <= around.bottom


def _cells(pieces: Iterable[Piece], grid: Grid, text: PageText, frame: Frame) -> Cells:
    cells: Cells = defaultdict(list)
    for piece in pieces:
        for part in _parts(piece, grid, text, frame):
            rect = frame.rect(part.box)
            cells[grid.cell(rect.centre, rect.middle)].append(part)
    return cells


def _parts(piece: Piece, grid: Grid, text: PageText, frame: Frame) -> Iterator[Piece]:
    """The piece, cut where it goes over the rule between two cells."""
    rect, over = frame.rect(piece.box), _OVER * piece.size
    if piece.is_vertical or piece.is_value:
        yield piece
        return
    first, last = (grid.cell(x, rect.middle) for x in (rect.left + over, rect.right - over))
    if first == last or rect.right - rect.left < 2 * over:
        yield piece
        return
    by_cell: dict[tuple[int, int], list] = defaultdict(list)
    cell = first
    for glyph in text.glyphs(piece):
        if glyph.box is not None:
            place = frame.rect(glyph.box)
            cell = grid.cell(place.centre, rect.middle)
        by_cell[cell].append(glyph)
    for glyphs in by_cell.values():
        yield from text.cut(glyphs)


def _table(cells: Cells, grid: Grid, frame: Frame) -> Table | None:
    """None where the rules are no table: nothing, or only one row or column, stands in them."""
    rows, columns = grid.size
    texts = [["" for _ in range(columns)] for _ in range(rows)]
    for (row, column), pieces in cells.items():
        right = next(
            (merge.right for merge in grid.merges if (merge.top, merge.left) == (row, column)), column
        )
        texts[row][column] = _cell_text(pieces, grid.xs[right + 1], frame)
    filled = [(row, column) for row in range(rows) for column in range(columns) if texts[row][column]]
    if len({row for row, _ in filled}) < 2 or len({column for _, column in filled}) < 2:
        return None
    return table_of(texts, merges=grid.merges)


def _cell_text(pieces: Sequence[Piece], right: float, frame: Frame) -> str:
    """The lines of a cell; those that only its width divides are joined."""
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
    return normalize(text)
