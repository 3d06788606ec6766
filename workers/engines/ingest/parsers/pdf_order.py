"""The lines of a page in the order in which a person reads them.

What stands at one height is a row. Where a gutter goes through several rows, these are columns that are read one
after the other, or a table. Within a column the same is done again. Vertical writing is the same, turned by a quarter:
its lines go from right to left, and its columns from the top down.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from workers.contract.records import Table
from workers.engines.ingest.parsers.pdf_columns import aligned_table, columns_to_read
from workers.engines.ingest.parsers.pdf_geometry import Box, Frame, Rect, united
from workers.engines.ingest.parsers.pdf_pieces import Piece
from workers.engines.ingest.parsers.pdf_rows import GUTTER, Band, Item, Row, band_from, rows_of
from workers.engines.ingest.parsers.tables import table_text

_DEEPEST = 8
"""Columns within columns."""
_NO_SPACE = 0.25
"""Of the type's size: what is nearer belongs to the same word."""
_CLUSTER = 2.0
"""Of the type's size: the distance of vertical lines that belong together."""


LineKind = Literal["text", "note", "table"]


@dataclass(slots=True)
class Line:
    text: str
    box: Box
    """In the file's coordinates."""
    size: float
    """Of the type, in points."""
    region: int
    """The column that it stands in."""
    flow: int
    """Sentences go on from column to column of one flow."""
    kind: LineKind = "text"
    is_apart: bool = False
    """No sentence goes on before or after it."""
    table: Table | None = None
    is_block: bool = False
    """Its text has several lines, which stay as they are."""
    has_gaps: bool = False
    """Its parts are further apart than words."""


class Reading:
    """The lines of one page, as they are found."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._regions = 0
        self._frame = Frame(Box(0, 0, 0, 0), 0)

    def read(self, items: Sequence[Item], frame: Frame, *, as_rows: bool = False) -> None:
        """All that stands upright in the frame; `as_rows` where no columns are looked for."""
        self._frame = frame
        region = self._new_region()
        self._read(items, region, region, _DEEPEST if as_rows else 0, is_note=False)

    def _new_region(self) -> int:
        self._regions += 1
        return self._regions

    def _read(self, items: Sequence[Item], region: int, flow: int, depth: int, is_note: bool) -> None:
        if not items:
            return
        least = GUTTER * median(item.size for item in items)
        rows = rows_of(items, least)
        index = 0
        while index < len(rows):
            band = band_from(rows, index, least) if depth < _DEEPEST else None
            if band is None:
                self._row(rows[index], region, flow, is_note)
                index += 1
            else:
                self._band(rows, band, region, flow, depth, is_note)
                index = band.end

    def _band(
        self, rows: Sequence[Row], band: Band, region: int, flow: int, depth: int, is_note: bool
    ) -> None:
        inside = rows[band.first : band.end]
        if columns := columns_to_read(inside, band.gutters):
            within = self._new_region()
            for column in columns:
                is_aside = is_note or column.is_note
                own = self._new_region()
                self._read(column.items, own, own if column.is_note else within, depth + 1, is_aside)
        elif table := aligned_table(inside, band.gutters):
            self._table(
                table, united([row.rect for row in inside]), median(row.items[0].size for row in inside)
            )
        else:
            for row in inside:
                self._row(row, region, flow, is_note)

    def _row(self, row: Row, region: int, flow: int, is_note: bool) -> None:
        run: list[Item] = []
        for item in row.items:
            if item.piece is not None:
                run.append(item)
                continue
            self._line(run, region, flow, is_note)
            run = []
            if item.table is not None:
                self._table(item.table, item.rect, item.size)
            else:
                self._vertical(item)
        self._line(run, region, flow, is_note)

    def _line(self, run: Sequence[Item], region: int, flow: int, is_note: bool) -> None:
        if not run:
            return
        text = run[0].text
        kind: LineKind = "note" if is_note else "text"
        if len(run) == 1:
            box = self._frame.box(run[0].rect)
            is_apart = run[0].piece is not None and run[0].piece.is_value
            self.lines.append(Line(text, box, run[0].size, region, flow, kind, is_apart))
            return
        near = [item.rect.left - before.rect.right < _NO_SPACE * item.size for before, item in pairwise(run)]
        for is_near, item in zip(near, run[1:], strict=True):
            text += item.text if is_near else f" {item.text}"
        rect = united([item.rect for item in run])
        is_apart = any(item.piece is not None and item.piece.is_value for item in run)
        size = max(item.size for item in run)
        self.lines.append(
            Line(
                text,
                self._frame.box(rect),
                size,
                region,
                flow,
                kind=kind,
                is_apart=is_apart,
                has_gaps=any(not is_near for is_near in near),
            )
        )

    def _table(self, table: Table, rect: Rect, size: float) -> None:
        line = Line(table_text(table), self._frame.box(rect), size, self._new_region(), 0, "table", True)
        line.table, line.is_block = table, True
        self.lines.append(line)

    def _vertical(self, item: Item) -> None:
        """Vertical lines among horizontal ones."""
        outer = self._frame
        self.read(item.inner, Frame(outer.page, outer.quarters, vertical=True))
        self._frame = outer


def vertical_lines(lines: Iterable[Item], frame: Frame) -> list[Item]:
    """Vertical lines that stand side by side, as one item each."""
    clusters: list[list[Item]] = []
    for item in sorted(lines, key=lambda each: each.rect.left):
        near, rect = _CLUSTER * item.size, item.rect
        for cluster in clusters:
            last = cluster[-1].rect
            if rect.left - last.right < near and rect.top <= last.bottom and rect.bottom >= last.top:
                cluster.append(item)
                break
        else:
            clusters.append([item])
    return [
        Item(
            united([item.rect for item in cluster]),
            cluster[0].size,
            "",
            inner=[upright(item, frame) for item in cluster],
        )
        for cluster in clusters
    ]


def upright(item: Item, frame: Frame) -> Item:
    """As it stands among vertical lines."""
    turned = Frame(frame.page, frame.quarters, vertical=True)
    return dataclasses.replace(item, rect=turned.rect(frame.box(item.rect)))


def item_of(piece: Piece, frame: Frame) -> Item:
    return Item(frame.rect(piece.box), piece.size, piece.text, piece)
