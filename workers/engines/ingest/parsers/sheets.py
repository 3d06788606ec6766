"""Makes pages of kind `sheet` from rows of cells; blocks of rows between empty rows become tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workers.contract.records import Page, Table
from workers.engines.ingest.parsers.sections import table_of, table_text
from workers.engines.shared.text import normalize

Row = list[str]


def sheet_page(number: int, label: str | None, rows: Iterable[Row]) -> Page:
    tables = tuple(_tables(rows))
    text = "\n\n".join(table_text(table) for table in tables)
    return Page(kind="sheet", number=number, label=normalize(label or "") or None, text=text, tables=tables)


def _tables(rows: Iterable[Row]) -> Iterator[Table]:
    """Blocks of rows between empty rows, each cut to the columns that hold something."""
    block: list[Row] = []
    start = 0
    for index, row in enumerate(rows):
        if any(row):
            if not block:
                start = index
            block.append(row)
        elif block:
            yield _block_table(block, start)
            block = []
    if block:
        yield _block_table(block, start)


def _block_table(block: list[Row], first_row: int) -> Table:
    used = [column for row in block for column, cell in enumerate(row) if cell]
    left, right = min(used), max(used)
    table = table_of([row[left : right + 1] for row in block], first_row, left)
    assert table is not None, "a block has at least one filled cell"
    return table
