"""The text of WordprocessingML as Word prints it once every tracked change is accepted.

What was inserted or moved here counts, what was deleted or moved away does not. Of a ruby the base text counts and
its reading does not. Whatever wraps text (hyperlinks, content controls, fields, tags) is looked through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from workers.engines.ingest.parsers.tables import Merge, table_of, table_text
from workers.engines.ingest.parsers.word_numbering import Number, Numbering
from workers.engines.shared.text import normalize_layout, raised

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

_LEFT_OUT = {
    f"{W}{name}"
    for name in (
        "del", "moveFrom", "delText", "delInstrText", "rt", "rubyPr", "pPr", "rPr", "tblPr", "tblGrid", "trPr", "tcPr",
        "sectPr", "sdtPr", "sdtEndPr", "customXmlPr", "smartTagPr", "fldData", "annotationRef", "footnoteRef", "endnoteRef",
    )
}  # fmt: skip
_CHARACTERS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
_TEXT = {f"{W}t", f"{_M}t"}
_NOTE_REFERENCES = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes"}
MARKS = {"footnotes": "注", "endnotes": "文末注"}
_BREAKS_NO_LINE = ("page", "column")
RUBY_FIELD = re.compile(
    r"\s*EQ\b.*?\\o\s*(?:\\a[dlcr])?\s*\(\s*\\s\s*\\up\s*[\d.]+\s*\((.*?)\)\s*[,;](.*)\)\s*", re.S
)
"""A ruby that old versions of Word wrote as an equation: reading and base text."""
_OFF = ("0", "false", "off")
MOST_COLUMNS = 1000
"""More than Word allows in a table."""


@dataclass
class Paragraph:
    text: str
    properties: Any
    """The element that its style and its number come from."""
    level: int | None = None
    """Of an item of a list, 1 for the outermost list."""

    def numbered(self, number: Number | None) -> Paragraph:
        if number is None:
            return self
        return replace(self, text=number.before(self.text), level=number.depth if number.is_item else None)


@dataclass(frozen=True)
class Note:
    """A footnote or an endnote. It follows the paragraph or the table that refers to it."""

    mark: str
    text: str


@dataclass
class WordTable:
    rows: list[list[str]] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)


Block = Paragraph | Note | WordTable


@dataclass
class _Field:
    """A field that is being read: its instruction up to the separator, after that its result."""

    instruction: str = ""
    has_result: bool = False


class WordText:
    """Reads the blocks of one document in order. `notes`: the roots of its parts for notes, by name."""

    def __init__(self, notes: dict[str, Any], numbering: Numbering) -> None:
        self._numbering = numbering
        self._notes = {
            name: {note.get(f"{W}id"): note for note in root.iter(f"{W}footnote", f"{W}endnote")}
            for name, root in notes.items()
            if root is not None
        }
        self._numbers = dict.fromkeys(MARKS, 0)
        self._fields: list[_Field] = []
        self._after: list[Block] = []
        """What follows the paragraph that is being read: notes, and the text of boxes anchored in it."""

    def blocks(self, container: Any) -> Iterator[Block]:
        """Paragraphs, tables and notes of a body, a cell, a box or a note."""
        opened: Paragraph | None = None
        number: Number | None = None
        for element in self._block_elements(container):
            if element.tag == f"{W}p":
                # Numbers of boxes that are anchored in the paragraph come after its own.
                is_removed = _is_removed(element, f"{W}pPr/{W}rPr")
                if opened is None and not is_removed:
                    number = self._numbering.count(element)
                text = self._inline(element)
                if is_removed:
                    # The end of this paragraph is deleted: what follows continues it. One without text is gone.
                    if opened is None and text:
                        opened, number = Paragraph("", element), self._numbering.count(element)
                    if opened is not None:
                        opened.text += text
                    continue
                whole = opened or Paragraph("", element)
                whole.text += text
                opened = None
                yield whole.numbered(number)
            else:
                if opened is not None:
                    yield opened.numbered(number)
                    opened = None
                yield self._table(element)
            yield from self._pending()
        if opened is not None:
            yield opened.numbered(number)
            yield from self._pending()

    def _pending(self) -> Iterator[Block]:
        after, self._after = self._after, []
        yield from after

    def _block_elements(self, container: Any) -> Iterator[Any]:
        """The paragraphs and tables in a container, through whatever wraps them."""
        for element in container:
            if element.tag in (f"{W}p", f"{W}tbl"):
                yield element
            elif element.tag == f"{W}sdt":
                if not _is_placeholder(element):
                    yield from self._block_elements(element)
            elif isinstance(element.tag, str) and element.tag not in _LEFT_OUT:
                yield from self._block_elements(_chosen(element))

    # -- inside a paragraph ---------------------------------------------------------------
    def _inline(self, paragraph: Any) -> str:
        text = "".join(self._pieces(paragraph))
        # One that its paragraph does not end would hide the rest of the document.
        self._fields.clear()
        return text

    def _pieces(self, element: Any) -> Iterator[str]:
        for child in element:
            tag = child.tag
            if tag == f"{W}r" and self._numbering.styles.hides(child):
                continue
            if tag in _TEXT:
                text = child.text or ""
                yield self._shown(raised(text) if _is_raised(element) else text)
            elif tag in _CHARACTERS:
                yield self._shown(_CHARACTERS[tag])
            elif tag == f"{W}br":
                yield self._shown("" if child.get(f"{W}type") in _BREAKS_NO_LINE else "\n")
            elif tag == f"{W}fldChar":
                yield self._field_character(child.get(f"{W}fldCharType"))
            elif tag == f"{W}instrText":
                if self._fields and not self._fields[-1].has_result:
                    self._fields[-1].instruction += child.text or ""
            elif tag in _NOTE_REFERENCES:
                self._note(_NOTE_REFERENCES[tag], child)
            elif tag == f"{W}txbxContent":
                self._box(child)
            elif tag == f"{W}sdt" and _is_placeholder(child):
                continue
            elif isinstance(tag, str) and tag not in _LEFT_OUT:
                yield from self._pieces(_chosen(child))

    def _shown(self, text: str) -> str:
        """`text`, or nothing within the instruction of a field."""
        return text if all(each.has_result for each in self._fields) else ""

    def _field_character(self, kind: str | None) -> str:
        """What a field shows where its result is not written out: the base text of a ruby, else nothing."""
        if kind == "begin":
            self._fields.append(_Field())
        elif self._fields and kind == "separate":
            self._fields[-1].has_result = True
        elif self._fields and kind == "end":
            ended = self._fields.pop()
            ruby = None if ended.has_result else RUBY_FIELD.fullmatch(ended.instruction)
            return self._shown(ruby[2]) if ruby else ""
        return ""

    def _note(self, kind: str, reference: Any) -> None:
        note = self._notes.get(kind, {}).pop(reference.get(f"{W}id"), None)
        if note is None:
            return
        mark = MARKS[kind]
        if reference.get(f"{W}customMarkFollows") in (None, *_OFF):
            self._numbers[kind] += 1
            mark += str(self._numbers[kind])
        self._aside(note, lambda blocks: [Note(mark, _text_of(blocks))])

    def _box(self, box: Any) -> None:
        self._aside(box, list)

    def _aside(self, container: Any, change: Callable[[Iterable[Block]], list[Block]]) -> None:
        """Read a container that is anchored in the paragraph; it follows the paragraph."""
        after, fields = self._after, self._fields
        self._after, self._fields = [], []
        blocks = change(self.blocks(container))
        self._after, self._fields = [*after, *blocks], fields

    # -- tables ---------------------------------------------------------------------------
    def _table(self, element: Any) -> WordTable:
        table = WordTable()
        reaching: dict[int, Merge] = {}
        """By its first column, the merged cell that the row above is covered by."""
        for row in _wrapped(element, f"{W}tr"):
            if not _is_removed(row, f"{W}trPr"):
                reaching = self._row(row, table, reaching)
        for merge in reaching.values():
            table.merges.append(merge)
        return table

    def _row(self, row: Any, table: WordTable, above: dict[int, Merge]) -> dict[int, Merge]:
        """Add a row. Returns the merged cells that may reach further down; those that end go to the table."""
        number, texts, reaching = len(table.rows), [""] * _number(row, f"{W}trPr/{W}gridBefore", 0), {}
        for cell in _wrapped(row, f"{W}tc"):
            if cell.find(f"{W}tcPr/{W}cellDel") is not None:
                continue
            left, width = len(texts), _number(cell, f"{W}tcPr/{W}gridSpan", 1)
            vertical = cell.find(f"{W}tcPr/{W}vMerge")
            continued = above.pop(left, None) if _continues(vertical) else None
            if _continues(cell.find(f"{W}tcPr/{W}hMerge")) and reaching:
                last = max(reaching)
                reaching[last] = replace(reaching[last], right=left)
                texts += [""] * width
            elif continued is not None:
                reaching[left] = replace(continued, bottom=number)
                texts += [""] * width
            else:
                reaching[left] = Merge(number, left, number, left + width - 1)
                texts += [self._cell_text(cell), *[""] * (width - 1)]
        table.merges += above.values()
        table.rows.append(texts)
        return reaching

    def _cell_text(self, cell: Any) -> str:
        """Notes follow the table, and so do tables of several rows within the cell."""
        after, self._after = self._after, []
        inside: list[Block] = []
        below: list[Block] = []
        for block in self.blocks(cell):
            (below if _follows_table(block) else inside).append(block)
        self._after = [*after, *below]
        return _text_of(inside)


def _follows_table(block: Block) -> bool:
    return isinstance(block, Note) or (isinstance(block, WordTable) and len(block.rows) > 1)


def _text_of(blocks: Iterable[Block]) -> str:
    texts = []
    for block in blocks:
        if isinstance(block, WordTable):
            table = table_of(block.rows, merges=block.merges)
            texts.append(table_text(table) if table is not None else "")
        else:
            texts.append(block.text)
    return normalize_layout("\n".join(filter(None, texts))).strip()


def _wrapped(element: Any, tag: str) -> Iterator[Any]:
    """The rows of a table or the cells of a row, through content controls and other wrappers."""
    for child in element:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT:
            yield from _wrapped(_chosen(child), tag)


def _chosen(element: Any) -> Any:
    """Of content in several forms the first, which new versions of Word show."""
    if element.tag != f"{_MC}AlternateContent":
        return element
    first = element.find(f"{_MC}Choice")
    return element if first is None else first


def _is_placeholder(control: Any) -> bool:
    """A content control that nobody has filled in, or a table of contents, which repeats the headings."""
    shown = control.find(f"{W}sdtPr/{W}showingPlcHdr")
    gallery = control.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    is_contents = gallery is not None and gallery.get(f"{W}val") == "Table of Contents"
    return is_contents or (shown is not None and shown.get(f"{W}val") not in _OFF)


def _is_raised(run: Any) -> bool:
    position = run.find(f"{W}rPr/{W}vertAlign")
    return position is not None and position.get(f"{W}val") == "superscript"


def _is_removed(element: Any, properties: str) -> bool:
    """Whether a paragraph's end or a row is deleted or moved away."""
    found = element.find(properties)
    return found is not None and any(found.find(f"{W}{name}") is not None for name in ("del", "moveFrom"))


def _continues(merge: Any) -> bool:
    return merge is not None and merge.get(f"{W}val", "continue") == "continue"


def _number(element: Any, path: str, default: int) -> int:
    found = element.find(path)
    text = "" if found is None else found.get(f"{W}val", "")
    return min(int(text), MOST_COLUMNS) if text.isascii() and text.isdigit() else default
