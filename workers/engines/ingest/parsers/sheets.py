"""Makes pages of kind `sheet` from rows of cells; blocks of rows between empty rows become tables."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from workers.contract.blocks import Block, BlockKind
from workers.contract.records import Page, Table
from workers.engines.ingest.parsers.tables import LONGEST_NAME, Merge, is_number, table_of, table_text
from workers.engines.shared.text import normalize

Row = list[str]
_BETWEEN_TABLES = "\n\n"
SMALLEST_WITH_HEADER = 3
"""Rows of a table whose header takes two."""


def sheet_page(number: int, label: str | None, rows: Iterable[Row], merges: Iterable[Merge] = ()) -> Page:
    tables = tuple(_tables(rows, sorted(merges, key=lambda merge: merge.top)))
    texts = [table_text(table) for table in tables]
    return Page(
        kind="sheet",
        number=number,
        label=normalize(label or "") or None,
        text=_BETWEEN_TABLES.join(texts),
        tables=tables,
        blocks=tuple(_sheet_blocks(tables, texts)),
    )


def _sheet_blocks(tables: Sequence[Table], texts: Sequence[str]) -> Iterator[Block]:
    """One for each table. A short cell alone is the heading of the table below it."""
    start = 0
    for number, (table, text) in enumerate(zip(tables, texts, strict=True)):
        if text:
            is_title = number + 1 < len(tables) and is_title_of_table(table)
            kind: BlockKind = "heading" if is_title else "table"
            level = 1 if is_title else None
            yield Block(kind=kind, level=level, start=start, end=start + len(text), table=number)
        start += len(text) + len(_BETWEEN_TABLES)


def is_title_of_table(table: Table) -> bool:
    filled = [cell for row in table.rows for cell in row if cell]
    is_short = len(filled) == 1 and len(filled[0]) <= LONGEST_NAME and "\n" not in filled[0]
    return is_short and not is_number(filled[0]) and not filled[0].endswith("。")


def _tables(rows: Iterable[Row], merges: Sequence[Merge]) -> Iterator[Table]:
    """Blocks of rows between empty rows, each cut to the columns that hold something.

    A row without text of its own is not empty where a merged cell of the block reaches into it.
    """
    by_top: dict[int, list[Merge]] = defaultdict(list)
    for merge in merges:
        by_top[merge.top].append(merge)
    block: list[Row] = []
    start, covered = 0, -1
    for index, row in enumerate(rows):
        if any(row):
            if not block:
                start = index
            tops = by_top.get(index, ())
            covered = max([covered, *(each.bottom for each in tops if any(row[each.left : each.left + 1]))])
            block.append(row)
        elif block and index <= covered:
            block.append(row)
        elif block:
            yield from _block_tables(block, start, merges)
            block, covered = [], -1
    if block:
        yield from _block_tables(block, start, merges)


def _block_tables(block: list[Row], first_row: int, merges: Sequence[Merge]) -> Iterator[Table]:
    """The block as one table; a title that is merged over several columns above it is a table of its own."""
    begin = bisect_left(merges, first_row, key=lambda merge: merge.top)
    end = bisect_right(merges, first_row + len(block) - 1, key=lambda merge: merge.top)
    inside = [
        replace(merge, top=merge.top - first_row, bottom=merge.bottom - first_row)
        for merge in merges[begin:end]
    ]
    height = _title_height(block, inside)
    if height:
        yield _block_table(block[:height], first_row, ())
    below = [
        replace(merge, top=merge.top - height, bottom=merge.bottom - height)
        for merge in inside
        if merge.top >= height
    ]
    yield _block_table(block[height:], first_row + height, below)


def _title_height(block: list[Row], merges: Sequence[Merge]) -> int:
    """How many rows the block's title takes, 0 where it has none. It begins at the left edge of what is below it."""
    named = (merge for merge in merges if merge.top == 0 and merge.right > merge.left)
    title = next((merge for merge in named if any(block[0][merge.left : merge.left + 1])), None)
    height = title.bottom + 1 if title is not None else 0
    alone = sum(bool(cell) for row in block[:height] for cell in row) == 1
    used = [column for row in block[height:] for column, cell in enumerate(row) if cell]
    return height if title is not None and alone and used and title.left <= min(used) else 0


def _block_table(block: list[Row], first_row: int, merges: Iterable[Merge]) -> Table:
    used = [column for row in block for column, cell in enumerate(row) if cell]
    left, right = min(used), max(used)
    moved = [
        replace(merge, left=merge.left - left, right=merge.right - left)
        for merge in merges
        if merge.left >= left
    ]
    cut = [row[left : right + 1] + [""] * (right + 1 - len(row)) for row in block]
    table = table_of(cut, first_row, left, moved or _names_over_two_rows(cut))
    assert table is not None, "a block has at least one filled cell"
    return table


def _names_over_two_rows(rows: Sequence[Row]) -> list[Merge]:
    """The merged cells that a header would have whose author left the cells beside and below its names empty.

    `価格` with an empty cell beside it stands over `国内` and `輸出`; below each other name the second row is empty.
    """
    if len(rows) < SMALLEST_WITH_HEADER or not rows[0][0] or not rows[2][0]:
        return []
    starts = [column for column, cell in enumerate(rows[0]) if cell]
    merges = []
    for left, after in pairwise([*starts, len(rows[0])]):
        is_wide = after - left > 1
        below = [bool(cell) and not is_number(cell) for cell in rows[1][left:after]]
        if not all(below) if is_wide else any(rows[1][left:after]):
            return []
        merges.append(Merge(0, left, 0, after - 1) if is_wide else Merge(0, left, 1, left))
    is_mixed = {merge.bottom for merge in merges} == {0, 1}
    return merges if is_mixed else []
