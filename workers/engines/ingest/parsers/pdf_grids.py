"""Tables whose rules are drawn: the grid that the rules make, and the cells that a missing rule makes one."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from workers.engines.ingest.parsers.pdf_geometry import Rect, united
from workers.engines.ingest.parsers.pdf_rules import THIN
from workers.engines.ingest.parsers.tables import Merge

_SNAP = 2.0
"""Points by which rules that are meant to be one may be apart."""
_REACH = 3.0
"""Points by which a rule may end before the one that it meets."""
_COVERED = 0.7
"""Of a cell's side: a rule along as much of it divides two cells."""
MOST_RULES, MOST_CELLS = 1500, 20_000
"""What has more is a drawing."""


_SPACE = 60.0
"""Points between boxes side by side."""
Interval = tuple[float, float]


class Rule(NamedTuple):
    """Along an axis from `start` to `end`, at `at` on the other."""

    at: float
    start: float
    end: float


Rules = tuple[list[Rule], list[Rule]]
"""Horizontal and vertical ones."""


@dataclass(frozen=True)
class Grid:
    xs: tuple[float, ...]
    """Of the borders of columns, from left to right."""
    ys: tuple[float, ...]
    merges: tuple[Merge, ...]
    """Cells without a rule between them. Every other cell stands alone."""

    @property
    def rect(self) -> Rect:
        return Rect(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.ys) - 1, len(self.xs) - 1

    def sides(self, cell: tuple[int, int]) -> tuple[Interval, Interval]:
        """From where to where the cell goes, across and down."""
        row, column = cell
        bottom, right = self._ends.get(cell, cell)
        return (self.xs[column], self.xs[right + 1]), (self.ys[row], self.ys[bottom + 1])

    @cached_property
    def _ends(self) -> dict[tuple[int, int], tuple[int, int]]:
        return {(merge.top, merge.left): (merge.bottom, merge.right) for merge in self.merges}

    @cached_property
    def _firsts(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Of the cells that are merged, the first one of their merge."""
        return {
            (row, column): (merge.top, merge.left)
            for merge in self.merges
            for row in range(merge.top, merge.bottom + 1)
            for column in range(merge.left, merge.right + 1)
        }

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the cell that the point is in; of the first one where cells are merged."""
        rows, columns = self.size
        row = min(max(bisect_right(self.ys, y) - 1, 0), rows - 1)
        column = min(max(bisect_right(self.xs, x) - 1, 0), columns - 1)
        return self._firsts.get((row, column), (row, column))


def grids_of(rules: Rules) -> list[Grid]:
    """The grids of a page, of which none is within another. Each has two rows and two columns or more."""
    horizontal, vertical = rules
    if len(horizontal) + len(vertical) > MOST_RULES or len(horizontal) < 2 or not vertical:
        return []
    grids: list[Grid] = []
    connected = sorted(_side_by_side(_connected(horizontal, vertical)), key=_area, reverse=True)
    for across, down in connected:
        grid = _grid(across, down)
        if grid is not None and not any(_contains(outer.rect, grid.rect) for outer in grids):
            grids.append(grid)
    return grids


def ladders_of(rules: Rules) -> list[list[Rule]]:
    """Three horizontal rules or more of one length, one below the other, as tables without vertical rules have them."""
    ladders: list[list[Rule]] = []
    for rule in sorted(rules[0]) if len(rules[0]) <= MOST_RULES else ():
        for ladder in ladders:
            if abs(ladder[0].start - rule.start) <= _REACH and abs(ladder[0].end - rule.end) <= _REACH:
                ladder.append(rule)
                break
        else:
            ladders.append([rule])
    return [ladder for ladder in ladders if len(ladder) > 2]


def straight(rects: Iterable[Rect]) -> Rules:
    """The horizontal and the vertical rules, each once."""
    horizontal: set[Rule] = set()
    vertical: set[Rule] = set()
    for left, top, right, bottom in rects:
        width, height = right - left, bottom - top
        if height < THIN and width > height:
            horizontal.add(Rule((top + bottom) / 2, left, right))
        elif width < THIN:
            vertical.add(Rule((left + right) / 2, top, bottom))
        else:
            horizontal |= {Rule(top, left, right), Rule(bottom, left, right)}
            vertical |= {Rule(left, top, bottom), Rule(right, top, bottom)}
    return _merged(horizontal), _merged(vertical)


def _merged(rules: Iterable[Rule]) -> list[Rule]:
    """Rules that continue one another, or lie upon one another, as one."""
    merged: list[Rule] = []
    for same in _close(rules):
        at, start, end = sum(rule.at for rule in same) / len(same), None, 0.0
        for _, begin, stop in sorted(same, key=_start):
            if start is not None and begin > end + _REACH:
                merged.append(Rule(at, start, end))
                start = None
            start, end = (begin, stop) if start is None else (start, max(end, stop))
        merged.append(Rule(at, start or 0.0, end))
    return merged


def _start(rule: Rule) -> float:
    return rule.start


def _close(rules: Iterable[Rule]) -> Iterator[list[Rule]]:
    """Rules that are meant to be on one line."""
    group: list[Rule] = []
    for rule in sorted(rules):
        if group and rule.at - group[0].at > _SNAP:
            yield group
            group = []
        group.append(rule)
    if group:
        yield group


def _connected(horizontal: Sequence[Rule], vertical: Sequence[Rule]) -> list[Rules]:
    """Rules that meet, directly or through others."""
    parent = list(range(len(horizontal) + len(vertical)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for i, across in enumerate(horizontal):
        for j, down in enumerate(vertical, start=len(horizontal)):
            if _meet(across, down):
                parent[root(j)] = root(i)
    groups: dict[int, Rules] = defaultdict(lambda: ([], []))
    for index, rule in enumerate((*horizontal, *vertical)):
        groups[root(index)][index >= len(horizontal)].append(rule)
    return list(groups.values())


def _side_by_side(parts: Iterable[Rules]) -> list[Rules]:
    """Boxes that stand beside others with the same rows are columns of one table, though a space divides them."""
    joined: list[Rules] = []
    for across, down in sorted((part for part in parts if all(part)), key=_left):
        if joined and _is_beside(joined[-1], (across, down)):
            _, before_down = joined[-1]
            left, right = _left(joined[-1]), max(rule.end for rule in across)
            end = max(rule.at for rule in before_down)
            rows = [Rule(rule.at, left, right) for rule in across]
            joined[-1] = rows, [*(rule for rule in before_down if rule.at < end - _SNAP), *down]
        else:
            joined.append((across, down))
    return joined


def _left(rules: Rules) -> float:
    return min(rule.start for rule in rules[0])


def _is_beside(before: Rules, after: Rules) -> bool:
    rows, others = sorted({rule.at for rule in before[0]}), sorted({rule.at for rule in after[0]})
    gap = _left(after) - max(rule.end for rule in before[0])
    are_same = len(rows) == len(others) > 2 and all(
        abs(row - other) <= _SNAP for row, other in zip(rows, others, strict=True)
    )
    return are_same and 0 < gap <= _SPACE


def _meet(across: Rule, down: Rule) -> bool:
    return (
        across.start - _REACH <= down.at <= across.end + _REACH
        and down.start - _REACH <= across.at <= down.end + _REACH
    )


def _area(rules: Rules) -> float:
    across, down = rules
    if not across or not down:
        return 0.0
    return (max(rule.end for rule in across) - min(rule.start for rule in across)) * (
        max(rule.end for rule in down) - min(rule.start for rule in down)
    )


def _grid(across: Sequence[Rule], down: Sequence[Rule]) -> Grid | None:
    if not across or not down:
        return None
    # A table may be open on its sides: there its rules end.
    ys = _borders(across, (end for rule in down for end in (rule.start, rule.end)))
    xs = _borders(down, (end for rule in across for end in (rule.start, rule.end)))
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 2 or columns < 2 or rows * columns > MOST_CELLS:
        return None
    return Grid(tuple(xs), tuple(ys), tuple(_merges(xs, ys, across, down)))


def _borders(rules: Sequence[Rule], ends: Iterable[float]) -> list[float]:
    places = sorted({rule.at for rule in rules})
    borders = [
        place
        for place, before in zip(places, [None, *places], strict=False)
        if before is None or place - before > _SNAP
    ]
    reached = list(ends)
    if min(reached) < borders[0] - 2 * _REACH:
        borders.insert(0, min(reached))
    if max(reached) > borders[-1] + 2 * _REACH:
        borders.append(max(reached))
    return borders


def _merges(
    xs: Sequence[float], ys: Sequence[float], across: Sequence[Rule], down: Sequence[Rule]
) -> Iterator[Merge]:
    """Rectangles of cells that no rule divides."""
    rows, columns = len(ys) - 1, len(xs) - 1
    right_of = list(zip(*(_divided(down, x, ys) for x in xs[1:-1]), strict=True))
    below = [_divided(across, y, xs) for y in ys[1:-1]]
    if all(map(all, right_of)) and all(map(all, below)):
        return
    seen = [[False] * columns for _ in range(rows)]
    for top in range(rows):
        for left in range(columns):
            if seen[top][left]:
                continue
            right, bottom = left, top
            while right + 1 < columns and not right_of[top][right] and not seen[top][right + 1]:
                right += 1
            while (
                bottom + 1 < rows
                and not any(below[bottom][left : right + 1])
                and not any(right_of[bottom + 1][left:right])
            ):
                bottom += 1
            for row in range(top, bottom + 1):
                seen[row][left : right + 1] = [True] * (right + 1 - left)
            if right > left or bottom > top:
                yield Merge(top, left, bottom, right)


def _divided(rules: Sequence[Rule], at: float, sides: Sequence[float]) -> list[bool]:
    """For each cell along a border, whether rules lie along most of its side."""
    near = [rule for rule in rules if abs(rule.at - at) <= _SNAP]
    return [
        sum(max(0.0, min(rule.end, end) - max(rule.start, start)) for rule in near)
        >= _COVERED * (end - start)
        for start, end in pairwise(sides)
    ]


def _contains(outer: Rect, inner: Rect) -> bool:
    around = united((outer, inner))
    return all(abs(a - b) <= 2 * _REACH for a, b in zip(around, outer, strict=True))
