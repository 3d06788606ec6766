"""Rows of what stands at one height, and the gutters between columns that go through several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from statistics import median

from workers.contract.records import Table
from workers.engines.ingest.parsers.pdf_geometry import Rect, united
from workers.engines.ingest.parsers.pdf_pieces import Piece

GUTTER = 1.0
"""Of the type's size: the least width of a gutter."""
_APART = 1.8
"""Times the usual distance of two rows: from there on the first and the last ones are no part of columns."""
_TALL = 2.6
"""Of the type's size: a distance that is not longer is one of lines, however the columns are shifted."""
_ALIKE = 0.4
"""Of the higher one: what is at least as high may stand in its row."""
_OVERLAP = 0.3
"""Of the type's size: as far as neighbours may overlap."""
MOST_ROWS = 400
"""Rows that columns are looked for in at once."""
Interval = tuple[float, float]


@dataclass(slots=True)
class Item:
    """Something on a page that is not taken apart any further."""

    rect: Rect
    size: float
    text: str
    piece: Piece | None = None
    """None for a table, and for vertical lines among horizontal ones."""
    table: Table | None = None
    inner: Sequence[Item] = ()
    """The pieces of vertical lines, in no order."""


@dataclass(slots=True)
class Row:
    items: list[Item]
    """From left to right."""
    rect: Rect
    free: Sequence[Interval] = ()
    """Where it holds nothing for at least the width of a gutter, the margins included. Empty where no gutter can be."""


@dataclass(frozen=True)
class Band:
    """The rows from `first` to before `end`, through which gutters go."""

    first: int
    end: int
    gutters: tuple[Interval, ...]


def rows_of(items: Sequence[Item], least: float) -> list[Row]:
    """From the top down; `least` is the width of a gutter."""
    groups: list[list[Item]] = []
    for item in sorted(items, key=_height_then_left):
        if groups and _belongs(groups[-1], item):
            groups[-1].append(item)
        else:
            groups.append([item])
    for group in groups:
        group.sort(key=_left)
    rows = [Row(group, united([item.rect for item in group])) for group in groups]
    if len(items) > 3:
        # A gutter has two items or more on each side. Most pages have one column, and nothing is left here.
        start = nsmallest(2, (item.rect.right for item in items))[-1]
        end = nlargest(2, (item.rect.left for item in items))[-1]
        for row in rows if end - start >= least else ():
            row.free = _free(row.items, start, end, least)
    return sorted(rows, key=lambda row: row.rect.top)


def _height_then_left(item: Item) -> tuple[float, float]:
    rect = item.rect
    return rect.top + rect.bottom, rect.left


def _left(item: Item) -> float:
    return item.rect.left


def _belongs(group: Sequence[Item], item: Item) -> bool:
    first, rect = group[0].rect, item.rect
    height, other = first.bottom - first.top, rect.bottom - rect.top
    high, low = (height, other) if height > other else (other, height)
    if rect.top + rect.bottom - first.top - first.bottom > high or low < _ALIKE * high:
        return False
    near = _OVERLAP * item.size
    return all(
        rect.left > each.rect.right - near or rect.right < each.rect.left + near for each in reversed(group)
    )


def _free(items: Sequence[Item], start: float, end: float, least: float) -> list[Interval]:
    """Between the items, and beside them, as far as a gutter can be."""
    free = []
    for item in items:
        left = min(item.rect.left, end)
        if left - start >= least:
            free.append((start, left))
        start = max(start, item.rect.right)
    if end - start >= least:
        free.append((start, end))
    return free


def band_from(rows: Sequence[Row], first: int, least: float) -> Band | None:
    """The rows from `first` on between which at least one gutter goes, with something on both sides of it."""
    free, found, end = rows[first].free, (), first + 1
    if not free:
        return None
    left, right = rows[first].rect.left, rows[first].rect.right
    inner = _inner(free, left, right)
    for index in range(first + 1, min(len(rows), first + MOST_ROWS)):
        rect = rows[index].rect
        left, right = min(left, rect.left), max(right, rect.right)
        free = common(free, rows[index].free, least)
        now = _inner(free, left, right)
        if not free or (inner and not now):
            break
        inner, found, end = now, now, index + 1
    if not found:
        return None
    start, end = _without_distant(rows, first, end)
    gutters = tuple(gutter for gutter in found if _parts(rows[start:end], gutter))
    return Band(start, end, gutters) if gutters and start == first else None


def _inner(free: Sequence[Interval], left: float, right: float) -> tuple[Interval, ...]:
    return tuple(gutter for gutter in free if left < gutter[0] and gutter[1] < right)


def common(some: Sequence[Interval], others: Sequence[Interval], least: float) -> list[Interval]:
    """Where both are free for at least the width of a gutter."""
    found = []
    for a, b in some:
        for c, d in others:
            # Plain comparisons: most of the time of a page in columns is spent here.
            start, end = a if a > c else c, b if b < d else d
            if end - start >= least:
                found.append((start, end))
    return found


def _parts(rows: Sequence[Row], gutter: Interval) -> bool:
    """Whether at least two rows have something on the left of it, and two on the right."""
    left = sum(row.items[0].rect.right <= gutter[0] for row in rows)
    right = sum(row.items[-1].rect.left >= gutter[1] for row in rows)
    return left > 1 and right > 1


def _without_distant(rows: Sequence[Row], first: int, end: int) -> tuple[int, int]:
    """Without a header, a heading or a footer at its ends: they stand further apart than the rows of columns."""
    distances = [rows[index + 1].rect.top - rows[index].rect.top for index in range(first, end - 1)]
    if len(distances) < 3:
        return first, end
    height = median(row.items[0].size for row in rows[first:end])
    far = max(_APART * median(distances), _TALL * height)
    start = first + (distances[0] > far)
    for last in range(end - 2, max(start, end - 4), -1):
        rest = rows[last + 1 : end]
        goes_on = end < len(rows) and all(len(row.items) == 1 for row in rest)
        if distances[last - first] > far and (len(rest) == 1 or goes_on):
            return start, last + 1
    return start, end


def columns_of(rows: Sequence[Row], gutters: Sequence[Interval]) -> list[list[Item]]:
    """What stands between the gutters, from left to right."""
    borders = [(left + right) / 2 for left, right in gutters]
    columns: list[list[Item]] = [[] for _ in range(len(borders) + 1)]
    for row in rows:
        for item in row.items:
            columns[sum(item.rect.centre > border for border in borders)].append(item)
    return columns
