"""Cut pages into units: articles of regulations, groups of table rows, paragraphs of prose."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workers.contract.records import Origin, Table
from workers.contract.specs.curation_steps import SegmentStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, by_document
from workers.engines.shared.text import ARTICLE, continues, glue, row_text, rows_range, sentences

_SENTENCE_END = re.compile(r"[。.!?][」』)）】]*\s*$")
_HEADING_CHARACTERS = 60


@dataclass
class Flow:
    """Text that runs on over page breaks, and where each page begins in it."""

    text: str = ""
    starts: list[int] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)

    def add(self, unit: Unit) -> None:
        """Append a page; a sentence cut by the page break is made whole."""
        last, first = self.text.rpartition("\n")[2], unit.text.partition("\n")[0]
        if self.text and continues(last, first):
            self.text = glue(self.text, first)[: -len(first)]
        elif self.text:
            self.text += "\n"
        self.starts.append(len(self.text))
        self.origins.append(unit.origin)
        self.text += unit.text

    def origin_at(self, position: int) -> Origin:
        return self.origins[max(0, bisect_right(self.starts, position) - 1)]


@implements(SegmentStep)
def segment(step: SegmentStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    for document in by_document(units):
        for unit in document:
            if not unit.is_text:
                yield unit
            elif unit.page_kind == "sheet":
                yield from _table_groups(step, unit)
        for flow in _flows(document):
            yield from _pieces(step, flow)


def _flows(document: list[Unit]) -> Iterator[Flow]:
    """Pages run on into one another; a section or a slide stands alone."""
    pages = Flow()
    for unit in document:
        if not unit.is_text or unit.page_kind == "sheet" or not unit.text.strip():
            continue
        if unit.page_kind == "page":
            pages.add(unit)
        else:
            alone = Flow()
            alone.add(unit)
            yield alone
    if pages.text:
        yield pages


def _pieces(step: SegmentStep, flow: Flow) -> Iterator[Unit]:
    for begin, block in _blocks(step, flow.text):
        position = begin
        for piece in _cut(step, block):
            text = piece.strip()
            if text:
                yield Unit(flow.origin_at(position + len(piece) - len(piece.lstrip())), text)
            position += len(piece)


def _blocks(step: SegmentStep, text: str) -> Iterator[tuple[int, str]]:
    """(position, text) of each article and of what comes before the first one."""
    begins = [match.start() for match in ARTICLE.finditer(text)] if step.split_articles else []
    for begin, end in zip([0, *begins], [*begins, len(text)], strict=True):
        if end > begin:
            yield begin, text[begin:end]


def _cut(step: SegmentStep, block: str) -> Iterator[str]:
    """Pieces that joined again are `block`, each at most `max_characters` long.

    An article stays whole if it fits. Prose is cut at the end of a paragraph once `min_characters`
    are reached, so that a heading stays with what it announces.
    """
    if ARTICLE.match(block) and len(block.strip()) <= step.max_characters:
        yield block
        return
    article = ARTICLE.match(block) is not None
    piece = ""
    for part in _parts(block, step.max_characters):
        if piece and len(piece) + len(part) > step.max_characters:
            yield piece
            piece = ""
        piece += part
        ends_paragraph = part.endswith("\n") and bool(_SENTENCE_END.search(piece))
        if not article and ends_paragraph and len(piece) >= step.min_characters:
            yield piece
            piece = ""
    if piece:
        yield piece


def _parts(block: str, longest: int) -> Iterator[str]:
    """Sentences with the line breaks after them; one longer than `longest` is cut hard."""
    for sentence in _with_breaks(sentences(block)):
        for start in range(0, len(sentence), longest):
            yield sentence[start : start + longest]


def _with_breaks(parts: list[str]) -> Iterator[str]:
    held = ""
    for part in parts:
        if part.strip() or not held:
            if held:
                yield held
            held = part
        else:
            held += part
    if held:
        yield held


# -- sheets ---------------------------------------------------------------------------------
def _table_groups(step: SegmentStep, unit: Unit) -> Iterator[Unit]:
    """Groups of rows up to `max_characters`, each under the sheet's title and the table's header."""
    if not unit.tables:
        yield from (Unit(unit.origin, unit.text) for _ in [0] if unit.text.strip())
        return
    title = ""
    for table in unit.tables:
        if _is_title(table):
            title = row_text(table.rows[0])
        else:
            yield from _row_groups(step, unit, table, title)
            title = ""
    if title:
        yield Unit(unit.origin, title)


def _is_title(table: Table) -> bool:
    return len(table.rows) == 1 and len(row_text(table.rows[0])) <= _HEADING_CHARACTERS


def _row_groups(step: SegmentStep, unit: Unit, table: Table, title: str) -> Iterator[Unit]:
    head = [line for line in (title, row_text(table.rows[0])) if line]
    first = 0 if len(table.rows) == 1 else 1
    room = step.max_characters - sum(len(line) + 1 for line in head)
    group: list[str] = []
    begin = first
    for index in range(first, len(table.rows)):
        line = row_text(table.rows[index])
        if group and sum(len(row) + 1 for row in group) + len(line) > room:
            yield _rows_unit(unit, table, head, group, begin, index - 1)
            group, begin = [], index
        group.append(line)
    yield _rows_unit(unit, table, head, group, begin, len(table.rows) - 1)


def _rows_unit(unit: Unit, table: Table, head: list[str], group: list[str], begin: int, end: int) -> Unit:
    """The first group's range includes the header row above it."""
    top = 0 if begin <= 1 else begin
    origin = unit.at_cells(rows_range(table, top, end)).origin
    lines = [line for line in group if line not in head] if len(table.rows) == 1 else group
    return Unit(origin, "\n".join([*head, *lines]))
