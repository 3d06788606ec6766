"""Markdown: one section per heading of the first two levels; its lists, tables and other headings are blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from workers.contract.blocks import Block, BlockKind
from workers.contract.media_types import MARKDOWN
from workers.contract.records import Table
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import Piece, SectionHeading, Text, moved, sections
from workers.engines.ingest.parsers.tables import table_of
from workers.engines.ingest.parsers.text import read_text
from workers.engines.ingest.parsers.text_blocks import MOST_LINES, LineKinds, text_blocks
from workers.engines.shared.text import lines_with_code, normalize, normalize_layout

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_SECTION_HEADING = re.compile(r"(#{1,2}) +(.+?)(?: +#+)?$")


@parser(MARKDOWN, libraries=("markdown_it",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    pieces = list(_pieces(normalize_layout(read_text(file))))
    headings = (piece.text for piece in pieces if isinstance(piece, SectionHeading))
    return ParsedDocument(sections(pieces), title=next(headings, None))


def _pieces(text: str) -> Iterator[Piece]:
    reader = _reader()
    lines: list[str] = []
    level = 0
    for line, is_code in lines_with_code(text):
        heading = None if is_code else _SECTION_HEADING.match(line)
        if heading:
            yield from _body("\n".join(lines).strip("\n"), level, reader)
            level = len(heading[1])
            yield SectionHeading(heading[2], level)
            lines = []
        else:
            lines.append(line)
    yield from _body("\n".join(lines).strip("\n"), level, reader)


def _reader() -> MarkdownIt:
    """Reads blocks only: the text within them stays as it was written."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark").enable("table")
    reader.core.ruler.enableOnly(["normalize", "block"])
    # Front matter ends in a line that would make a heading of it. References disappear from the text.
    return reader.disable(["lheading", "reference"])


def _body(text: str, stated_level: int, reader: MarkdownIt) -> Iterator[Piece]:
    """The text between two headings of sections: its tables, and what stands between them."""
    tokens = reader.parse(text) if text.count("\n") <= MOST_LINES else []
    at = [0]
    for line in text.split("\n"):
        at.append(at[-1] + len(line) + 1)
    blocks = _Blocks(text, at, LineKinds(stated_level))
    begin = 0
    for index, token in enumerate(tokens):
        if token.type == "table_open" and token.map is not None and token.level == 0:
            start, end = (at[line] for line in token.map)
            if (table := _table(tokens, index)) is not None:
                yield Text(*blocks.between(begin, start))
                yield table
                begin = min(end, len(text))
        else:
            blocks.read(token)
    yield Text(*blocks.between(begin, len(text)))


def _table(tokens: list[Token], opened: int) -> Table | None:
    rows: list[list[str]] = []
    for token in tokens[opened + 1 :]:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(normalize(token.content))
    return table_of(rows)


class _Blocks:
    """The blocks of a text, read from Markdown's tokens. `at`: where each line begins."""

    def __init__(self, text: str, at: list[int], kinds: LineKinds) -> None:
        self._text, self._at, self._kinds = text, at, kinds
        self._blocks: list[Block] = []
        self._lists = 0
        self._item_begins = False

    def read(self, token: Token) -> None:
        if token.type in ("bullet_list_open", "ordered_list_open", "bullet_list_close", "ordered_list_close"):
            self._lists += token.nesting
        elif token.type in ("list_item_open", "list_item_close"):
            self._item_begins = token.nesting > 0
        elif token.map is None:
            return
        elif token.type == "heading_open":
            self._heading(token.map[0], int(token.tag.removeprefix("h")))
        elif token.type in ("fence", "code_block", "html_block", "table_open", "paragraph_open"):
            self._paragraph(*token.map, is_prose=token.type == "paragraph_open")

    def between(self, start: int, end: int) -> tuple[str, tuple[Block, ...]]:
        """The text without the blank lines around it, and the blocks in it."""
        text = self._text[start:end].strip("\n")
        start += len(self._text[start:end]) - len(self._text[start:end].lstrip("\n"))
        inside = (block for block in self._blocks if block.start >= start)
        self._blocks, found = [], tuple(moved(inside, -start))
        # Nothing is read where lists or quotations are nested too deeply.
        return text, found or tuple(text_blocks(text, self._kinds))

    def _heading(self, line: int, level: int) -> None:
        """Without the marks around it."""
        whole = self._text[self._at[line] : self._at[line + 1]]
        title = re.sub(r"(?:^|\s)#+\s*$", "", whole.strip().lstrip("#")).strip()
        if title:
            start = self._at[line] + whole.rfind(title)
            self._kinds.stated_level = level
            self._kinds.end_lists()
            self._add("heading", start, start + len(title), level)

    def _paragraph(self, first: int, end: int, *, is_prose: bool) -> None:
        start, stop = self._at[first], self._at[end]
        if self._item_begins:
            self._item_begins = False
            self._add("list_item", start, stop, max(self._lists, 1))
        elif is_prose and not self._lists:
            for block in moved(text_blocks(self._text[start:stop], self._kinds), start):
                self._add(block.kind, block.start, block.end, block.level)
        else:
            self._add("paragraph", start, stop, None)

    def _add(self, kind: BlockKind, start: int, end: int, level: int | None) -> None:
        """The lines of a block without the blanks around them, but for those that begin a paragraph."""
        text = self._text[start:end]
        stop = start + len(text.rstrip())
        if kind != "paragraph":
            start += len(text) - len(text.lstrip())
        if start < stop:
            self._blocks.append(Block(kind=kind, start=start, end=stop, level=level))
