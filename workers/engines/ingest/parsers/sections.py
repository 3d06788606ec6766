"""Makes pages of kind `section` from a flow of headings, text and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workers.contract.records import Page, Table
from workers.engines.ingest.parsers.tables import table_text

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
