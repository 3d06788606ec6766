"""Makes pages of kind `section` from a flow of headings, text and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from workers.contract.records import Page, Table
from workers.engines.shared.text import cell_range, row_text

LONGEST_LABEL = 200


@dataclass(frozen=True)
class Heading:
    """A section begins here; `text` is its label and the first line of its text, if it has a heading."""

    text: str | None


Block = Heading | Table | str
"""A heading, a table or a piece of text, normalised. Empty text is left out."""


@dataclass
class _Section:
    label: str | None = None
    lines: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    has_body: bool = False

    def page(self, number: int) -> Page:
        text = "\n".join(self.lines)
        return Page(kind="section", number=number, label=self.label, text=text, tables=tuple(self.tables))


def sections(blocks: Iterable[Block]) -> Iterator[Page]:
    """One page per heading, numbered from 1.

    A heading directly followed by the next one does not make a section: it stays with what follows.
    """
    number = 1
    section = _Section()
    for block in blocks:
        if isinstance(block, Heading):
            if section.has_body:
                yield section.page(number)
                number, section = number + 1, _Section()
            section.label = block.text[:LONGEST_LABEL] if block.text else None
            if block.text:
                section.lines.append(block.text)
            continue
        if isinstance(block, Table):
            section.tables.append(block)
        if text := table_text(block) if isinstance(block, Table) else block:
            section.lines.append(text)
            section.has_body = True
    if section.lines:
        yield section.page(number)


def table_of(rows: Sequence[Sequence[str]], first_row: int = 0, first_column: int = 0) -> Table | None:
    """A Table of equally long rows, or None if nothing is in it."""
    width = max((len(row) for row in rows), default=0)
    filled = tuple(tuple(row) + ("",) * (width - len(row)) for row in rows)
    if not any(any(row) for row in filled):
        return None
    return Table(cells=cell_range(first_row, first_column, len(filled), width), rows=filled)


def table_text(table: Table) -> str:
    """The rows of the table that hold something, one line each."""
    return "\n".join(line for row in table.rows if (line := row_text(row)))
