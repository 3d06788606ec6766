"""What the shapes of a slide hold: lines of text, tables, the data of charts, the words of diagrams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from workers.contract.records import Table
from workers.engines.ingest.parsers.pptx_shapes import A, C
from workers.engines.ingest.parsers.tables import Merge, table_of
from workers.engines.shared.text import normalize

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_DEEPEST = 9
MOST_SERIES, MOST_POINTS = 100, 10_000


class Line(NamedTuple):
    text: str
    level: int | None
    """Of an item of a list, 1 for the outermost."""


def lines_of(shape: Any, *, is_list: bool = False) -> Iterator[Line]:
    """The paragraphs of a shape. `is_list`: those that do not say otherwise have marks."""
    for paragraph in shape.iter(f"{A}p"):
        properties = paragraph.find(f"{A}pPr")
        depth, has_mark = 0, is_list
        if properties is not None:
            level = properties.get("lvl", "0")
            depth = int(level) if level in map(str, range(_DEEPEST)) else 0
            has_own = (
                properties.find(f"{A}buChar") is not None or properties.find(f"{A}buAutoNum") is not None
            )
            has_mark = properties.find(f"{A}buNone") is None and (is_list or has_own)
        yield Line(_paragraph(paragraph), depth + 1 if has_mark else None)


def _paragraph(paragraph: Any) -> str:
    parts = ("\n" if node.tag == f"{A}br" else node.text or "" for node in paragraph.iter(f"{A}t", f"{A}br"))
    return "".join(parts)


def slide_table(node: Any) -> Table | None:
    cells = [list(row.iter(f"{A}tc")) for row in node.iter(f"{A}tr")]
    rows = [[normalize("\n".join(map(_paragraph, cell.iter(f"{A}p")))) for cell in row] for row in cells]
    return table_of(rows, merges=_merges(cells))


def _merges(rows: list[list[Any]]) -> list[Merge]:
    """The first cell of a merge says how far it reaches; the others are there, and empty."""
    return [
        Merge(
            top,
            left,
            top + int(cell.get("rowSpan", "1")) - 1,
            left + int(cell.get("gridSpan", "1")) - 1,
        )
        for top, row in enumerate(rows)
        for left, cell in enumerate(row)
        if cell.get("rowSpan") or cell.get("gridSpan")
    ]


# -- charts and diagrams --------------------------------------------------------------------
def chart_table(root: Any) -> tuple[str, Table | None]:
    """A chart's title, and its values as the presentation stores them: a row for each category, a column for each series."""
    stated = root.find(f"{C}chart/{C}title")
    title = "" if stated is None else normalize("\n".join(line.text for line in lines_of(stated)))
    series = list(islice(root.iter(f"{C}ser"), MOST_SERIES))
    names = [" ".join(_points(one, "tx").values()) for one in series]
    values = [_points(one, "val", "yVal") for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories = _points(one, "cat", "xVal") | categories
    indexes = sorted({index for column in (categories, *values) for index in column})
    rows = [[categories.get(index, ""), *(column.get(index, "") for column in values)] for index in indexes]
    return title, table_of([["", *names], *rows]) if rows else None


def _points(series: Any, *names: str) -> dict[int, str]:
    """The stored texts by their number, of the first of these that the series has."""
    for name in names:
        if (node := series.find(f"{C}{name}")) is not None:
            points = islice(node.iter(f"{C}pt"), MOST_POINTS)
            found = {int(point.get("idx", "0")): normalize(point.findtext(f"{C}v") or "") for point in points}
            return found or {0: normalize(node.findtext(f"{C}v") or "")}
    return {}


def diagram_lines(root: Any) -> Iterator[str]:
    for point in root.iter(f"{_DIAGRAM}pt"):
        for text in point.iterchildren(f"{_DIAGRAM}t"):
            yield normalize("\n".join(line.text for line in lines_of(text)))
