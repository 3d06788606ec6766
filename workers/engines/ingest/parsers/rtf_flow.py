"""Paragraphs and tables from the text of an RTF file. A row of a table is known when it ends."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace

from workers.contract.records import Table
from workers.engines.ingest.parsers.sections import SECTION_LEVELS, Piece, SectionHeading, block_text
from workers.engines.ingest.parsers.tables import Merge, table_of, table_text
from workers.engines.ingest.parsers.word_numbering import Level, Number, bullet_mark
from workers.engines.shared.text import normalize, normalize_layout

_SAME_EDGE = 30
"""Twentieths of a point by which the edges of cells in one column may differ."""
BODY_LEVEL = 9
"""Of `\\outlinelevel`: no heading."""


@dataclass(frozen=True)
class CellShape:
    right: int = 0
    """Its edge, in twentieths of a point."""
    begins_across: bool = False
    continues_across: bool = False
    begins_down: bool = False
    continues_down: bool = False


@dataclass
class _Row:
    texts: list[str]
    shapes: list[CellShape]


@dataclass
class Flow:
    """Of a body, a note or a box. Blocks are whole when `finish` has been called."""

    blocks: list[Piece] = field(default_factory=list)
    shapes: list[CellShape] = field(default_factory=list)
    """Of the row that is being read."""
    _line: list[str] = field(default_factory=list)
    _label: str = ""
    _cell: list[str] = field(default_factory=list)
    _cells: list[str] = field(default_factory=list)
    _rows: list[_Row] = field(default_factory=list)
    _after: list[Piece] = field(default_factory=list)

    def write(self, text: str) -> None:
        self._line.append(text)

    def number(self, label: str) -> None:
        """What a list has before the paragraph."""
        self._label = label.strip()

    def append_after(self, blocks: list[Piece]) -> None:
        """Notes and boxes, which follow the paragraph or the table."""
        self._after += blocks

    def end_paragraph(self, *, in_table: bool, level: int | None, depth: int = 1) -> None:
        """`level`: of a heading, from 1; `depth`: of the list that the paragraph may be an item of, from 1."""
        text, is_item = self._paragraph()
        if in_table:
            self._cell.append(text)
            return
        self._end_table()
        if level is not None and level <= SECTION_LEVELS and (heading := normalize(text)):
            self.blocks.append(SectionHeading(heading, level))
        elif level is not None:
            self.blocks.append(block_text("heading", text, level))
        else:
            self.blocks.append(block_text("list_item", text, depth) if is_item else text)
        self._flush_after()

    def end_cell(self) -> None:
        self._cell.append(self._paragraph()[0])
        self._cells.append(normalize_layout("\n".join(filter(None, self._cell))).strip())
        self._cell = []

    def end_row(self) -> None:
        self._rows.append(_Row(self._cells, list(self.shapes)))
        self._cells = []

    def finish(self) -> list[Piece]:
        if self._cell or self._cells:
            # A table that ends without the end of its row.
            self.end_cell()
            self.end_row()
        self.end_paragraph(in_table=False, level=None)
        return self.blocks

    def _paragraph(self) -> tuple[str, bool]:
        """Its text, and whether it is the item of a list."""
        text, label = "".join(self._line), self._label
        self._line, self._label = [], ""
        # Characters beyond the first plane come as two halves.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        is_bullet = len(label) == 1 and not label.isalnum()
        level = Level(number_format="bullet" if is_bullet else "decimal")
        number = Number(bullet_mark(label) if is_bullet else label, level)
        return normalize_layout(number.before(text) if label else text), number.is_item

    def _flush_after(self) -> None:
        self.blocks += self._after
        self._after = []

    def _end_table(self) -> None:
        if self._rows:
            texts, merges = _grid(self._rows)
            if (table := table_of(texts, merges=merges)) is not None:
                self.blocks.append(table)
            self._rows = []
            self._flush_after()


def joined(blocks: list[Piece]) -> str:
    texts = (
        table_text(block) if isinstance(block, Table) else block if isinstance(block, str) else block.text
        for block in blocks
    )
    return "\n".join(filter(None, texts))


def _grid(rows: list[_Row]) -> tuple[list[list[str]], list[Merge]]:
    """Rows and merges. Cells that reach over the edges of other rows cover several columns."""
    edges = _edges(rows)
    texts: list[list[str]] = []
    merges: list[Merge] = []
    reaching: dict[int, int] = {}
    """By its first column, the index of the merge that may continue in the next row."""
    for row in rows:
        top, line, before = len(texts), [], reaching
        reaching = {}
        for index, text in enumerate(row.texts):
            shape = row.shapes[index] if index < len(row.shapes) else CellShape()
            left = len(line)
            right = max(_column(edges, shape.right), left) if shape.right else left
            if shape.continues_across and merges and merges[-1].top == top:
                merges[-1] = replace(merges[-1], right=right)
                text = ""
            elif shape.continues_down and left in before:
                at = reaching[left] = before[left]
                merges[at] = replace(merges[at], bottom=top)
                text = ""
            else:
                reaching[left] = len(merges)
                merges.append(Merge(top, left, top, right))
            line += [text, *[""] * (right - left)]
        texts.append(line)
    return texts, merges


def _edges(rows: list[_Row]) -> list[int]:
    """The right edges of all columns, in order; those that hardly differ are one."""
    found: list[int] = []
    for edge in sorted({shape.right for row in rows for shape in row.shapes}):
        if not found or edge - found[-1] > _SAME_EDGE:
            found.append(edge)
    return found


def _column(edges: list[int], right: int) -> int:
    return bisect_left(edges, right - _SAME_EDGE)
