"""Builds `section` pages from a flow of headings, paragraphs and tables."""

from __future__ import annotations

from collections.abc import Sequence

from workers.contract.records import Page, PageKind, Table
from workers.engines.shared.text import cell_range, row_text

LONGEST_LABEL = 200


def table_of(rows: Sequence[Sequence[str]], first_row: int = 0, first_column: int = 0) -> Table | None:
    """A Table of equally long rows, or None if nothing is in it."""
    width = max((len(row) for row in rows), default=0)
    filled = tuple(tuple(row) + ("",) * (width - len(row)) for row in rows)
    if not any(any(row) for row in filled):
        return None
    return Table(cells=cell_range(first_row, first_column, len(filled), width), rows=filled)


class SectionBuilder:
    """Collects blocks; `begin` closes the section before.

    A heading directly followed by the next one does not make a section: it stays with what follows.
    """

    def __init__(self, kind: PageKind = "section") -> None:
        self._kind = kind
        self._pages: list[Page] = []
        self._label: str | None = None
        self._blocks: list[str] = []
        self._tables: list[Table] = []
        self._has_body = False

    def begin(self, heading: str | None) -> None:
        """Start a section; the heading is its label and the first line of its text."""
        if self._has_body:
            self._close()
        self._label = heading[:LONGEST_LABEL] if heading else None
        if heading:
            self._blocks.append(heading)

    def add_text(self, text: str) -> None:
        if text:
            self._blocks.append(text)
            self._has_body = True

    def add_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Keep the table and put its rows into the text, one line each."""
        table = table_of(rows)
        if table is not None:
            self._tables.append(table)
            self.add_text(table_text(table))

    def pages(self) -> list[Page]:
        if self._blocks:
            self._close()
        return self._pages

    def _close(self) -> None:
        number = len(self._pages) + 1
        text = "\n".join(self._blocks)
        tables = tuple(self._tables)
        self._pages.append(Page(kind=self._kind, number=number, label=self._label, text=text, tables=tables))
        self._blocks, self._tables, self._has_body = [], [], False


def table_text(table: Table) -> str:
    return "\n".join(line for row in table.rows if (line := row_text(row)))
