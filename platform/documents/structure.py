"""A page's text as headings, paragraphs, lists and tables, from its blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

MOST_ROWS = 500
"""Of one table; all of them are in the plain text."""
_HIGHEST, _LOWEST = 4, 6
"""Of the headings of HTML: those above are the page's own."""
_MARKED = re.compile(r"[^\w\s]|[0-9]{1,3}[.)\s]|[a-zア-ン一二三四五六七八九十]{1,3}[.)\s]")
_ONLY_MARKS = re.compile(r"[\s#]*")


@dataclass(frozen=True)
class Item:
    text: str
    level: int

    @property
    def is_marked(self) -> bool:
        """Whether its text begins with a mark or a number of its own."""
        return _MARKED.match(self.text) is not None


@dataclass(frozen=True)
class Element:
    """`kind` is heading, paragraph, list, table or note."""

    kind: str
    text: str = ""
    level: int = 0
    items: list[Item] = field(default_factory=list)
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    cells: str = ""
    left_out: int = 0
    """Rows that are not shown."""


def elements_of(page: dict[str, Any]) -> list[Element]:
    """Empty for a page without blocks. What is in no block is a paragraph, so that nothing is lost; a heading that is
    the page's own name stands above it already."""
    text, elements, end = page["text"], [], 0
    blocks = page.get("blocks", ())
    for block, start in zip_longest(blocks, [*(block["start"] for block in blocks), len(text)]):
        between = text[end:start]
        if blocks and not _ONLY_MARKS.fullmatch(between):
            elements.append(Element("paragraph", between.strip()))
        if block is not None:
            end = block["end"]
            _add(elements, block, text[block["start"] : end], page)
    is_named = bool(elements) and elements[0].kind == "heading" and elements[0].text == page.get("label")
    return elements[1:] if is_named and len(elements) > 1 else elements


def _add(elements: list[Element], block: dict[str, Any], text: str, page: dict[str, Any]) -> None:
    kind, level = block["kind"], block.get("level") or 1
    if kind == "list_item":
        if not elements or elements[-1].kind != "list":
            elements.append(Element("list"))
        elements[-1].items.append(Item(text, level))
    elif kind == "table" and block.get("table") is not None:
        elements.append(_table(page["tables"][block["table"]], is_sheet=page["kind"] == "sheet"))
    elif kind == "heading":
        elements.append(Element("heading", text, min(_HIGHEST + level - 1, _LOWEST)))
    else:
        elements.append(Element("note" if kind == "note" else "paragraph", text))


def _table(table: dict[str, Any], *, is_sheet: bool) -> Element:
    rows = list(_filled(table["rows"]))
    header = rows[0] if len(rows) > 1 else ()
    body = rows[1:] if header else rows
    left_out = max(0, len(body) - MOST_ROWS)
    cells = table["cells"] if is_sheet else ""
    return Element("table", header=header, rows=body[:MOST_ROWS], cells=cells, left_out=left_out)


def _filled(rows: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
    return (row for row in rows if any(row))
