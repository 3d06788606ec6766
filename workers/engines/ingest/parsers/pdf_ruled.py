"""The text within the rules of tables, as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice, pairwise
from statistics import median

from workers.contract.records import Table
from workers.engines.ingest.parsers.pdf_columns import columns_to_read
from workers.engines.ingest.parsers.pdf_geometry import Box, Frame, Rect
from workers.engines.ingest.parsers.pdf_glyphs import Glyph
from workers.engines.ingest.parsers.pdf_grids import Grid, Rule, grids_of, ladders_of, straight
from workers.engines.ingest.parsers.pdf_order import Reading, item_of
from workers.engines.ingest.parsers.pdf_pieces import PageText, Piece
from workers.engines.ingest.parsers.pdf_rows import GUTTER, Item, common, rows_of
from workers.engines.ingest.parsers.tables import table_of
from workers.engines.shared.text import continues, glue, normalize

_OVER = 0.5
"""Of the type's size: a text that reaches so far over a rule is cut there."""
_FEWEST, _LONGEST = 4, 40
"""Pieces in a table without vertical rules, and characters of one: what has longer ones is text between lines."""
MOST_TABLES = 100
"""Of a page; the largest ones."""
_FULL = 1.6
"""Sizes of the type between the end of a line and the side of its cell: with less, it goes on in the next line."""
Place = tuple[Piece, Rect]
Cells = dict[tuple[int, int], list[Piece]]


def with_tables(
    pieces: Sequence[Piece], rules: Iterable[Box], text: PageText, frame: Frame
) -> tuple[list[Piece], list[Item]]:
    """The pieces outside of tables, and the tables."""
    drawn = straight(map(frame.rect, rules))
    if len(drawn[0]) < 2:
        return list(pieces), []
    places = [(piece, frame.rect(piece.box)) for piece in pieces]
    rest, tables = _taken(grids_of(drawn), places, text, frame)
    rest, open_tables = _taken(_open_grids(ladders_of(drawn), rest), rest, text, frame)
    return [piece for piece, _ in rest], [*tables, *open_tables]


def _taken(
    grids: Iterable[Grid], places: Sequence[Place], text: PageText, frame: Frame
) -> tuple[Sequence[Place], list[Item]]:
    """What stands in none of the grids, and the tables that the others make."""
    tables: list[Item] = []
    for grid in islice(grids, MOST_TABLES):
        left, top, right, bottom = around = grid.rect
        inside: list[Piece] = []
        outside: list[Place] = []
        for piece, rect in places:
            if left <= rect.centre <= right and top <= rect.middle <= bottom:
                inside.append(piece)
            else:
                outside.append((piece, rect))
        table = _table(_cells(inside, grid, text, frame), grid, frame) if inside else None
        if table is not None:
            places = outside
            tables.append(Item(around, median(piece.size for piece in inside), "", table=table))
    return places, tables


def _open_grids(ladders: Iterable[list[Rule]], places: Sequence[Place]) -> Iterator[Grid]:
    """Horizontal rules between which gutters go through all that stands there make columns."""
    for ladder in ladders:
        left, right = ladder[0].start, ladder[0].end
        top, bottom = ladder[0].at, ladder[-1].at
        items = [
            Item(rect, piece.size, piece.text, piece)
            for piece, rect in places
            if left - _OVER <= rect.left and rect.right <= right + _OVER and top < rect.middle < bottom
        ]
        if len(items) < _FEWEST or max(len(item.text) for item in items) > _LONGEST:
            continue
        least = GUTTER * median(item.size for item in items)
        rows = rows_of(items, least)
        gutters = reduce(lambda free, row: common(free, row.free, least), rows, rows[0].free)
        is_table = bool(gutters) and 2 * sum(len(row.items) > 1 for row in rows) >= len(rows)
        if is_table and not columns_to_read(rows, gutters):
            borders = (left, *((a + b) / 2 for a, b in gutters), right)
            yield Grid(borders, tuple(rule.at for rule in ladder), ())


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
