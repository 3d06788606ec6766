"""Makes pages of kind `section`, with their blocks, from a flow of headings, text and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from workers.contract.blocks import Block, BlockKind, Heading, headings_after
from workers.contract.records import Page, PageKind, Table
from workers.engines.ingest.parsers.tables import table_text
from workers.engines.ingest.parsers.text_blocks import LineKinds, text_blocks

LONGEST_LABEL = 200
SECTION_LEVELS = 2
"""Headings of these levels begin a section."""


@dataclass(frozen=True)
class SectionHeading:
    """A section begins here; `text` is its label and the first line of its text, if it has a heading."""

    text: str | None
    level: int = 1


@dataclass(frozen=True)
class Text:
    """Text whose blocks are known: ranges of it."""

    text: str
    blocks: tuple[Block, ...]


Piece = SectionHeading | Table | Text | str
"""A heading, a table, text with known blocks, or text whose lines say what they are. Normalised; empty text is left out."""


def block_text(kind: BlockKind, text: str, level: int | None = None) -> Text:
    """The text as one block."""
    is_shown = text.strip() != ""
    return Text(text, (Block(kind=kind, level=level, start=0, end=len(text)),) if is_shown else ())


def moved(blocks: Iterable[Block], by: int) -> Iterator[Block]:
    """The blocks of a text that has the one they are of `by` characters later."""
    return (block.model_copy(update={"start": block.start + by, "end": block.end + by}) for block in blocks)


def path_after(path: tuple[Heading, ...], text: str, blocks: Iterable[Block]) -> tuple[Heading, ...]:
    """The path under the last block of a text; headings longer than a label are cut."""
    for block in blocks:
        if block.kind == "heading":
            title = text[block.start : block.end][:LONGEST_LABEL]
            path = headings_after(path, Heading(level=block.level or 1, text=title))
    return path


@dataclass
class _Section:
    headings: tuple[Heading, ...] = ()
    label: str | None = None
    kind: PageKind = "section"
    lines: list[str] = field(default_factory=list)
    length: int = 0
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    has_body: bool = False

    def add(self, piece: Piece, kinds: LineKinds) -> None:
        text, blocks = _placed(piece, len(self.tables), kinds)
        if isinstance(piece, Table):
            self.tables.append(piece)
        if text:
            self.blocks += moved(blocks, self.length)
            self.lines.append(text)
            self.length += len(text) + 1
            self.has_body |= not isinstance(piece, SectionHeading)

    def path_below(self, text: str) -> tuple[Heading, ...]:
        return path_after(self.headings, text, self.blocks)

    def page(self, number: int) -> Page:
        first = self.blocks[0] if self.blocks else None
        below = first.level if first is not None and first.kind == "heading" else None
        above = (heading for heading in self.headings if below is None or heading.level < below)
        return Page(
            kind=self.kind,
            number=number,
            label=self.label,
            text="\n".join(self.lines),
            tables=tuple(self.tables),
            headings=tuple(above),
            blocks=tuple(self.blocks),
        )


def sections(pieces: Iterable[Piece]) -> Iterator[Page]:
    """One page per heading, numbered from 1.

    A heading directly followed by the next one does not make a section: it stays with what follows.
    """
    number = 1
    section = _Section()
    kinds = LineKinds()
    for piece in pieces:
        if isinstance(piece, SectionHeading):
            if section.has_body:
                page = section.page(number)
                yield page
                number, section = number + 1, _Section(section.path_below(page.text))
            section.label = piece.text[:LONGEST_LABEL] if piece.text else None
        section.add(piece, kinds)
    if section.lines:
        yield section.page(number)


def page_of(kind: PageKind, number: int, label: str | None, pieces: Iterable[Piece]) -> Page:
    """All of the pieces on one page."""
    page, kinds = _Section(label=label, kind=kind), LineKinds()
    for piece in pieces:
        page.add(piece, kinds)
    return page.page(number)


def _placed(piece: Piece, table: int, kinds: LineKinds) -> tuple[str, Sequence[Block]]:
    """The text of a piece and the blocks in it. `table`: the number that it has if it is a table."""
    if isinstance(piece, str):
        return piece, list(text_blocks(piece, kinds))
    if isinstance(piece, Text) and not piece.text.strip():
        return piece.text, ()
    kinds.end_lists()
    if isinstance(piece, Table):
        text = table_text(piece)
        return text, [Block(kind="table", table=table, start=0, end=len(text))] if text else []
    if isinstance(piece, Text):
        kinds.stated_level = _last_level(piece.blocks, kinds.stated_level)
        return piece.text, piece.blocks
    text = piece.text or ""
    kinds.stated_level = piece.level if text else kinds.stated_level
    return text, block_text("heading", text, piece.level).blocks


def _last_level(blocks: Sequence[Block], level: int) -> int:
    return next((block.level or 1 for block in reversed(blocks) if block.kind == "heading"), level)
