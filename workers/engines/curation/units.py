"""The units that go through the steps of a curation: pages, pieces of text, pairs, conversations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from workers.contract.records import (
    AnyRecord,
    DocumentOrigin,
    GeneratedOrigin,
    MessagesRecord,
    Origin,
    Page,
    PageKind,
    PairRecord,
    Source,
    Table,
    TextRecord,
    source_of,
)
from workers.engines.shared.text import row_text, without_tokens


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    question: str
    answer: str
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StructureLines:
    """Which lines of a text are headings, items of lists, and rows of tables with the names of their columns."""

    headings: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    rows: Mapping[str, str] = field(default_factory=dict)
    """The line with the names, by the line of a row below it."""

    def __or__(self, other: StructureLines) -> StructureLines:
        headings, items = self.headings | other.headings, self.items | other.items
        return StructureLines(headings, items, {**self.rows, **other.rows})


NO_LINES = StructureLines()


@dataclass(frozen=True, slots=True)
class Unit:
    """A page before the step `segment`, a piece of text after it; or a pair; or a conversation."""

    origin: Origin
    text: str
    """Of a pair or a conversation: all its text, for steps that only read it."""
    tables: tuple[Table, ...] = ()
    pair: QuestionAnswer | None = None
    messages: tuple[dict[str, str], ...] | None = None
    lines: StructureLines = field(default_factory=lambda: NO_LINES)
    """Of a page. A step that changes a line makes it one of prose."""
    is_structured: bool = False
    """Holds rows of a table or items of a list, whose symbols mean something."""
    _id: str = field(default="", init=False, repr=False, compare=False)

    @property
    def kind(self) -> str:
        if self.pair is not None:
            return "pair"
        return "text" if self.messages is None else "messages"

    @property
    def is_text(self) -> bool:
        return self.kind == "text"

    @property
    def source(self) -> Source | None:
        """The place in a document, where the unit comes from one."""
        return source_of(self.origin)

    @property
    def page_kind(self) -> PageKind | None:
        return self.source.kind if self.source else None

    @property
    def id(self) -> str:
        """sha256 (16 hex digits) of origin and text; of a document's text only the place counts."""
        if not self._id:
            origin = self.origin.source if isinstance(self.origin, DocumentOrigin) else self.origin
            content = f"{origin.model_dump_json()}\n{self.text}".encode()
            object.__setattr__(self, "_id", hashlib.sha256(content).hexdigest()[:16])
        return self._id

    @property
    def label(self) -> str | None:
        """Of the place, as the document itself names it."""
        return self.source.label if self.source else None

    def with_label(self, label: str) -> Unit:
        """Its place under another name; for units that have one."""
        origin, source = self.origin, self.source
        assert source is not None
        renamed = source.model_copy(update={"label": label})
        if isinstance(origin, GeneratedOrigin):
            span = origin.span.model_copy(update={"source": renamed})
            return replace(self, origin=origin.model_copy(update={"span": span}))
        return replace(self, origin=DocumentOrigin(source=renamed))

    def at_cells(self, cells: str) -> Unit:
        """The same unit with its place narrowed down to a range of cells; for units of a sheet."""
        assert isinstance(self.origin, DocumentOrigin), "only documents have sheets"
        source = self.origin.source.model_copy(update={"cells": cells})
        return replace(self, origin=DocumentOrigin(source=source))


def page_unit(origin: Origin, page: Page) -> Unit:
    texts: dict[str, set[str]] = {"heading": set(), "list_item": set()}
    for block in page.blocks:
        if block.kind in texts:
            texts[block.kind].update(page.text[block.start : block.end].split("\n"))
    lines = StructureLines(frozenset(texts["heading"]), frozenset(texts["list_item"]))
    return Unit(origin, page.text, page.tables, lines=lines)


def row_lines(tables: Iterable[Table]) -> StructureLines:
    rows: dict[str, str] = {}
    for table in tables:
        if len(table.rows) > 1:
            names = row_text(table.rows[0])
            rows |= {line: names for row in table.rows[1:] if (line := row_text(row)) and line != names}
    return StructureLines(rows=rows)


def pair_unit(origin: Origin, pair: QuestionAnswer) -> Unit:
    return Unit(origin, f"{pair.question}\n{pair.answer}", pair=pair)


def conversation_unit(origin: Origin, messages: tuple[dict[str, str], ...]) -> Unit:
    return Unit(origin, "\n".join(message["content"] for message in messages), messages=messages)


def map_texts(unit: Unit, change: Callable[[str], str]) -> Unit:
    """The unit with `change` applied to everything in it that is text."""
    if unit.pair is not None:
        pair = unit.pair
        accepted = tuple(change(text) for text in pair.accepted)
        return pair_unit(unit.origin, QuestionAnswer(change(pair.question), change(pair.answer), accepted))
    if unit.messages is not None:
        changed = tuple({**message, "content": change(message["content"])} for message in unit.messages)
        return conversation_unit(unit.origin, changed)
    tables = tuple(
        table.model_copy(update={"rows": tuple(tuple(change(cell) for cell in row) for row in table.rows)})
        for table in unit.tables
    )
    return replace_tables(unit, tables, change)


def replace_tables(unit: Unit, tables: tuple[Table, ...], change: Callable[[str], str]) -> Unit:
    """The page with other tables: their lines in its text are replaced too, and `change` is applied to the rest."""
    lines = {
        row_text(old): row_text(new)
        for table, changed in zip(unit.tables, tables, strict=True)
        for old, new in zip(table.rows, changed.rows, strict=True)
    }
    if not lines:
        return replace(unit, text=change(unit.text))
    parts: list[str] = []
    for is_row, run in groupby(unit.text.split("\n"), key=lambda line: line in lines and line != ""):
        if is_row:
            parts += map(lines.__getitem__, run)
            continue
        # Between two tables: blank lines around the text stay as they are.
        text = "\n".join(run)
        if body := text.strip("\n"):
            before, _, after = text.partition(body)
            text = before + change(body) + after
        parts.append(text)
    return replace(unit, text="\n".join(parts), tables=tables)


def by_document(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Neighbouring units of one revision, together; neighbours that come from no document likewise."""
    for _, group in groupby(units, key=lambda unit: (place := unit.source) and place.revision_id):
        yield list(group)


def record_of(unit: Unit) -> AnyRecord:
    """The record that a unit becomes after the last step. No text in it is a special token of a tokenizer, whatever the recipe
    and the origin are: a document could end its own turn in a training."""
    if unit.pair is not None:
        return PairRecord(
            id=unit.id,
            origin=unit.origin,
            question=without_tokens(unit.pair.question),
            answer=without_tokens(unit.pair.answer),
            accepted=tuple(map(without_tokens, unit.pair.accepted)),
        )
    if unit.messages is not None:
        messages = tuple({**each, "content": without_tokens(each["content"])} for each in unit.messages)
        return MessagesRecord(id=unit.id, origin=unit.origin, messages=messages)
    return TextRecord(id=unit.id, origin=unit.origin, text=without_tokens(unit.text))


def read_lines(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            if line.strip():
                yield line
