"""Web pages: the text of the content, by section; menus, scripts and footers are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from workers.contract.media_types import HTML
from workers.contract.records import Table
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.file_types import damaged, damaged_by
from workers.engines.ingest.parsers.html_content import STRICTEST, Content, is_hidden
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import (
    SECTION_LEVELS,
    Piece,
    SectionHeading,
    block_text,
    sections,
)
from workers.engines.ingest.parsers.tables import spanned, table_of, table_text
from workers.engines.shared.text import normalize, normalize_layout, raised

_BLOCKS = {
    "p", "div", "section", "article", "main", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "tr",
    "td", "th", "table", "h1", "h2", "h3", "h4", "h5", "h6", "figure", "figcaption", "address", "details", "summary",
    "body", "header", "footer", "nav", "aside", "center", "form", "fieldset", "legend", "hgroup", "dialog", "hr", "dir",
    "menu", "caption", "textarea", "button", "marquee",
}  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = {"ul", "ol", "menu", "dir"}
MOST_COLUMNS, MOST_ROWS = 1000, 65534
"""That one cell covers, by the HTML standard."""
ENOUGH = (0.5, 0.2, 0.0)
"""A reading is taken unless it finds no more than this share of what the next one does, which leaves out less: the page
without navigation, header and footer; without navigation; with navigation that holds more than links."""


@parser(HTML, libraries=("lxml.html",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    root = _tree(decode(file.read(), declared_inside=True))
    title = normalize(root.findtext(".//title") or "") or None
    return ParsedDocument(sections(_content(root)), title=title)


def _tree(text: str) -> Any:
    import lxml.html
    from lxml import etree

    # Encoded again, because a declaration inside would contradict text that is decoded already.
    lenient = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    with damaged_by(
        "The HTML file holds no page.", etree.ParserError, etree.XMLSyntaxError, reason="no_pages"
    ):
        root = lxml.html.document_fromstring(text.encode("utf-8"), parser=lenient)
    if lenient.error_log.filter_types([etree.ErrorTypes.ERR_RESOURCE_LIMIT]):
        raise damaged("The HTML file is nested too deeply to be read as a whole.", reason="too_deep")
    return root


def _content(root: Any) -> list[Piece]:
    """The strictest reading of the page that does not leave out most of what it shows."""
    content = Content(root)
    chosen = list(_pieces(root, content, STRICTEST))
    for level, share in enumerate(ENOUGH, STRICTEST + 1):
        looser = list(_pieces(root, content, level))
        if _length(chosen) <= share * _length(looser):
            chosen = looser
    return chosen


def _length(pieces: Iterable[Piece]) -> int:
    def text(piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        return table_text(piece) if isinstance(piece, Table) else piece.text or ""

    return sum(len(text(piece)) for piece in pieces)


class _Place:
    """Which headings, lists and items are open where a text stands."""

    def __init__(self) -> None:
        self._lists = 0
        self._heading: int | None = None
        self._item_begins = False

    def enter(self, tag: str) -> None:
        self._lists += tag in _LISTS
        self._heading = _HEADINGS.get(tag, self._heading)
        self._item_begins = self._item_begins or tag == "li"

    def leave(self, tag: str) -> None:
        self._lists -= tag in _LISTS
        if tag in _HEADINGS:
            self._heading = None
        elif tag == "li":
            self._item_begins = False

    def piece(self, text: str) -> Piece:
        """The text as a heading, as the first block of an item, or as what its lines say."""
        if self._heading is not None:
            return block_text("heading", text, self._heading)
        if self._item_begins and text.strip():
            self._item_begins = False
            return block_text("list_item", text, max(self._lists, 1))
        return text


def _pieces(root: Any, content: Content, level: int) -> Iterator[Piece]:
    """Walks the tree without recursion, because the nesting of real pages has no limit."""
    from lxml import etree

    line: list[str] = []
    """The parts of the text that is being collected; a block element ends it."""
    place, left_out = _Place(), None
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if event in ("comment", "pi"):
            line.append(node.tail or "")
            continue
        if event == "start" and content.leaves_out(node, level):
            left_out = node
            walk.skip_subtree()
            continue
        if node.tag in _BLOCKS:
            yield place.piece(normalize("".join(line)))
            line.clear()
        if event == "end":
            if node is not left_out:
                place.leave(node.tag)
            line.append(_collapse(node.getparent(), node.tail))
            continue
        place.enter(node.tag)
        if node.tag == "table" and not content.is_layout(node):
            yield from _table(node, content, level)
            walk.skip_subtree()
        elif _HEADINGS.get(node.tag, SECTION_LEVELS + 1) <= SECTION_LEVELS:
            yield SectionHeading(_text(node, content, level) or None, _HEADINGS[node.tag])
            walk.skip_subtree()
        elif node.tag == "pre":
            yield block_text("paragraph", normalize_layout("".join(node.itertext(etree.Element))).strip("\n"))
            walk.skip_subtree()
        else:
            line.append("\n" if node.tag == "br" else _collapse(node, _own_text(node)))
    yield place.piece(normalize("".join(line)))


def _table(node: Any, content: Content, level: int) -> Iterator[Piece]:
    for caption in node.iterchildren("caption"):
        yield _text(caption, content, level)
    shown = (row for row in node.iter("tr") if not is_hidden(row))
    rows, merges = spanned([[_cell(cell, content, level) for cell in row.iter("td", "th")] for row in shown])
    if (table := table_of(rows, merges=merges)) is not None:
        yield table


def _text(node: Any, content: Content, level: int) -> str:
    """The text of a heading or a cell, with a space where a block or a line ends."""
    from lxml import etree

    pieces: list[str] = []
    walk = etree.iterwalk(node, events=("start", "end", "comment", "pi"))
    for event, inner in walk:
        if event == "start" and inner is not node and content.leaves_out(inner, level):
            walk.skip_subtree()
            continue
        if inner.tag in _BLOCKS or inner.tag == "br":
            pieces.append(" ")
        if event == "start":
            pieces.append(_own_text(inner))
        elif inner is not node:
            pieces.append(inner.tail or "")
    return normalize(" ".join("".join(pieces).split("\n")))


def _own_text(node: Any) -> str:
    return raised(node.text or "") if node.tag == "sup" else node.text or ""


def _cell(node: Any, content: Content, level: int) -> tuple[str, int, int]:
    """A cell's text, and how many columns and rows it covers."""
    spans = [node.get(name, "").strip() for name in ("colspan", "rowspan")]
    columns, rows = (int(span) if span.isascii() and span.isdigit() else 1 for span in spans)
    # Of no rows, says the standard: all that follow.
    return _text(node, content, level), min(max(columns, 1), MOST_COLUMNS), rows or MOST_ROWS


def _collapse(node: Any, text: str | None) -> str:
    """Line breaks in the source mean nothing in HTML, except in `pre`, which is not read here."""
    if not text:
        return ""
    return " ".join(text.split("\n")) if text.strip() else " "
