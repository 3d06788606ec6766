"""Tables that stand in a text: a line of titles, and lines with as many fields below it (CSV, rows of a table, columns)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.engines.shared.personal.columns import is_title

_SEPARATORS = tuple(map(re.compile, (r" ?[|│┃] ?", r" ?, ?", r"\t", r" ?; ?", r" ")))
_LONGEST_TITLES = 160
"""Characters of a line of titles."""


class TextTable(NamedTuple):
    rows: Sequence[Sequence[str]]
    places: Sequence[Sequence[int]]
    """Where each cell begins in the text."""


def tables_in(text: str) -> Iterator[TextTable]:
    if "</tr>" in text:
        yield from _html_table(text)
    lines = list(_lines(text))
    index = 0
    while index + 1 < len(lines):
        table = _table_from(lines, index)
        if table is None:
            index += 1
        else:
            yield table
            index += len(table.rows)


_ROW = re.compile(r"<tr[^>]{0,80}>(?P<cells>(?:(?!</tr>).){1,4000})</tr>", re.S | re.I)
_CELL = re.compile(r"<t[hd][^>]{0,80}>(?P<cell>[^<]{0,400})</t[hd]>", re.I)


def _html_table(text: str) -> Iterator[TextTable]:
    """The rows of HTML that stands in a text as it was written, as one table."""
    rows = [list(_CELL.finditer(text, *row.span("cells"))) for row in _ROW.finditer(text)]
    rows = [row for row in rows if row]
    if len(rows) > 1:
        yield TextTable(
            [[cell["cell"] for cell in row] for row in rows],
            [[cell.start("cell") for cell in row] for row in rows],
        )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    position = 0
    for line in text.split("\n"):
        yield position, line
        position += len(line) + 1


def _table_from(lines: Sequence[tuple[int, str]], index: int) -> TextTable | None:
    _, titles = lines[index]
    if not 3 <= len(titles) <= _LONGEST_TITLES or re.search("[。〔=#{}<>\"']", titles):
        return None
    for separator in _SEPARATORS:
        fields = separator.split(titles.strip())
        if (
            2 <= len(fields) <= 40
            and (len(fields) > 2 or separator.pattern != " ")
            and any(map(is_title, fields))
        ):
            rows = [_cells(lines[index], separator)]
            for line in lines[index + 1 :]:
                cells = _cells(line, separator)
                # An amount has commas of its own: 3,300.
                if not len(fields) <= len(cells) <= len(fields) + (2 if separator.pattern == " ?, ?" else 0):
                    break
                rows.append(cells)
            if len(rows) > 1:
                return TextTable(
                    [[cell for _, cell in row] for row in rows], [[start for start, _ in row] for row in rows]
                )
    return None


def _cells(line: tuple[int, str], separator: re.Pattern[str]) -> list[tuple[int, str]]:
    start, text = line
    cells, position = [], len(text) - len(text.lstrip())
    for match in separator.finditer(text, position):
        cells.append((start + position, text[position : match.start()]))
        position = match.end()
    return [*cells, (start + position, text[position:])]
