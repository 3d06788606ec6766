"""The blocks of an OpenDocument text: headings, paragraphs with their numbers, tables, and notes after their paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from workers.contract.records import Table
from workers.engines.ingest.parsers.odf_lists import Counting, ListStyles
from workers.engines.ingest.parsers.odf_parts import (
    PARAGRAPHS,
    TABLE,
    TEXT,
    inline_text,
    is_left_out,
    natural,
)
from workers.engines.ingest.parsers.sections import SECTION_LEVELS, Piece, SectionHeading, block_text
from workers.engines.ingest.parsers.tables import Merge, table_of, table_text
from workers.engines.ingest.parsers.text_blocks import regulation_level
from workers.engines.ingest.parsers.word_numbering import Number
from workers.engines.ingest.parsers.word_text import MARKS
from workers.engines.shared.text import normalize, normalize_layout

_ROWS = f"{TABLE}table-row"
_CELLS = (f"{TABLE}table-cell", f"{TABLE}covered-table-cell")
MOST_COLUMNS, MOST_ROWS = 1000, 65_534


class Note(str):
    """A footnote or an endnote after its mark."""


class OpenDocumentText:
    """Reads the blocks of one document in order."""

    def __init__(self, styles: ListStyles) -> None:
        self._styles = styles
        self._outline = Counting(styles.outline)
        self._lists: dict[str, Counting] = {}
        """By the list's own id, and by the name of its style: the last one of that style."""
        self._notes = dict.fromkeys(MARKS, 0)
        self._after: list[Piece] = []
        """What follows the paragraph or the table that is being read: notes, and the text of frames."""

    def blocks(self, container: Iterable[Any]) -> Iterator[Piece]:
        """Of a body, a section, a cell, a frame or a note."""
        for element in container:
            if element.tag in PARAGRAPHS:
                yield self._paragraph(element, self._heading_number(element))
            elif element.tag == f"{TEXT}list":
                yield from self._list(element)
            elif element.tag == f"{TABLE}table":
                if (table := self.table(element)) is not None:
                    yield table
            elif isinstance(element.tag, str) and not is_left_out(element):
                yield from self.blocks(element)
            after, self._after = self._after, []
            yield from after

    # -- paragraphs -----------------------------------------------------------------------
    def _paragraph(self, element: Any, number: Number | None, depth: int | None = None) -> Piece:
        """`depth`: of the list that the paragraph begins an item of, 1 for the outermost."""
        text = inline_text(element, self._anchored)
        shown = text if number is None else number.before(text)
        level = natural(element.get(f"{TEXT}outline-level"), 1) if element.tag == f"{TEXT}h" else None
        if level is not None and level <= SECTION_LEVELS and (heading := normalize(shown)):
            return SectionHeading(heading, max(level, 1))
        layout = normalize_layout(shown)
        if level is not None:
            return block_text("heading", layout, level)
        is_item = depth is not None and regulation_level(layout.strip()) is None
        return block_text("list_item", layout, depth) if is_item else layout

    def _heading_number(self, element: Any) -> Number | None:
        if element.tag != f"{TEXT}h" or element.get(f"{TEXT}is-list-header") == "true":
            return None
        restarts = element.get(f"{TEXT}restart-numbering") == "true"
        start = natural(element.get(f"{TEXT}start-value"), 1) if restarts else None
        return self._outline.count(natural(element.get(f"{TEXT}outline-level"), 1) - 1, start)

    def _anchored(self, element: Any) -> None:
        """Keep what follows the paragraph. Its own notes follow it in turn."""
        after, self._after = self._after, []
        if element.tag == f"{TEXT}note":
            blocks: list[Piece] = [self._note(element)]
        else:
            blocks = list(self.blocks([element]))
        self._after = [*after, *blocks, *self._after]

    def _note(self, element: Any) -> Note:
        kind = "endnotes" if element.get(f"{TEXT}note-class") == "endnote" else "footnotes"
        citation, mark = element.find(f"{TEXT}note-citation"), MARKS[kind]
        if citation is None or citation.get(f"{TEXT}label") is None:
            self._notes[kind] += 1
            mark += str(self._notes[kind])
        body = element.find(f"{TEXT}note-body")
        return Note(f"({mark}) {normalize(joined(self.blocks(() if body is None else body)))}")

    # -- lists ----------------------------------------------------------------------------
    def _list(self, element: Any, outer: Counting | None = None, depth: int = 0) -> Iterator[Piece]:
        counting = self._counting(element, outer, depth)
        for item in element.iterchildren(f"{TEXT}list-item", f"{TEXT}list-header"):
            is_counted = item.tag == f"{TEXT}list-header"
            start = item.get(f"{TEXT}start-value")
            for inner in item:
                if inner.tag == f"{TEXT}list":
                    yield from self._list(inner, counting, depth + 1)
                elif inner.tag in PARAGRAPHS and not is_counted:
                    # The first paragraph of an item has its number.
                    number = counting.count(depth, None if start is None else natural(start, 1))
                    is_counted = True
                    is_item = number is None or number.is_item
                    yield self._paragraph(inner, number, depth + 1 if is_item else None)
                elif inner.tag in PARAGRAPHS:
                    yield self._paragraph(inner, None)
                else:
                    yield from self.blocks([inner])
                after, self._after = self._after, []
                yield from after

    def _counting(self, element: Any, outer: Counting | None, depth: int) -> Counting:
        name, own_id = (
            element.get(f"{TEXT}style-name"),
            element.get("{http://www.w3.org/XML/1998/namespace}id"),
        )
        continues = element.get(f"{TEXT}continue-numbering") == "true"
        levels = self._styles.levels(name)
        if outer is not None and (name is None or levels == outer.levels):
            if not continues:
                outer.begin(depth)
            return outer
        continued = element.get(f"{TEXT}continue-list") or (f"style {name}" if continues else None)
        counting = self._lists.get(continued or "") or Counting(levels)
        self._lists[f"style {name}"] = counting
        if own_id is not None:
            self._lists[own_id] = counting
        return counting

    # -- tables ---------------------------------------------------------------------------
    def table(self, element: Any) -> Table | None:
        rows: list[list[str]] = []
        merges: list[Merge] = []
        for row in _rows(element):
            texts: list[str] = []
            for cell in row.iterchildren(*_CELLS):
                text = "" if cell.tag == _CELLS[1] else joined(self._cell(cell))
                columns, below = _spans(cell)
                if columns > 1 or below > 1:
                    top, left = len(rows), len(texts)
                    merges.append(Merge(top, left, top + below - 1, left + columns - 1))
                texts += [text] * natural(cell.get(f"{TABLE}number-columns-repeated"), 1, MOST_COLUMNS)
            rows += [texts] * natural(row.get(f"{TABLE}number-rows-repeated"), 1, MOST_ROWS)
        return table_of(rows, merges=merges)

    def _cell(self, cell: Any) -> list[Piece]:
        """Notes follow the table."""
        after, self._after = self._after, []
        notes: list[Piece] = []
        blocks: list[Piece] = []
        for block in self.blocks(cell):
            (notes if isinstance(block, Note) else blocks).append(block)
        self._after = [*after, *notes]
        return blocks


def joined(blocks: Iterable[Piece]) -> str:
    """The text of blocks, a line each."""
    texts = (
        table_text(block) if isinstance(block, Table) else block if isinstance(block, str) else block.text
        for block in blocks
    )
    return normalize_layout("\n".join(filter(None, texts))).strip()


def _rows(table: Any) -> Iterator[Any]:
    """The rows of a table, through groups of rows and of headers, not those of tables inside."""
    for child in table:
        if child.tag == _ROWS:
            yield child
        elif child.tag in (f"{TABLE}table-rows", f"{TABLE}table-header-rows", f"{TABLE}table-row-group"):
            yield from _rows(child)


def _spans(cell: Any) -> tuple[int, int]:
    """How many columns and rows a cell covers."""
    columns, rows = (cell.get(f"{TABLE}number-{name}-spanned") for name in ("columns", "rows"))
    return max(natural(columns, 1, MOST_COLUMNS), 1), max(natural(rows, 1, MOST_ROWS), 1)
