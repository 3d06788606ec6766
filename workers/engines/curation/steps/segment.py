"""Cut pages into units: articles of regulations, groups of table rows, paragraphs of prose."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import itemgetter

from workers.contract.cells import rows_range
from workers.contract.records import Origin, Table
from workers.contract.specs.curation_steps import SegmentStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import NO_LINES, StructureLines, Unit, by_document, row_lines
from workers.engines.shared.text import ARTICLE, continues, glue, lines_with_code, row_text, sentences

_SENTENCE_END = re.compile(r"[。.!?][」』)）】]*\s*$")
_HEADING_CHARACTERS = 60


@dataclass
class _RunningText:
    """Text that continues over page breaks, and where each page begins in it."""

    text: str = ""
    starts: list[int] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    lines: StructureLines = NO_LINES

    def add(self, page: Unit) -> None:
        """Append a page; a sentence that the page break cuts becomes one sentence again."""
        last, first = self.text.rpartition("\n")[2], page.text.partition("\n")[0]
        if self.text and continues(last, first):
            self.text = glue(self.text, first)[: -len(first)]
        elif self.text:
            self.text += "\n"
        self.starts.append(len(self.text))
        self.origins.append(page.origin)
        self.text += page.text
        self.lines |= page.lines | row_lines(page.tables)


@implements(SegmentStep)
def segment(step: SegmentStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    """Of each document first what is not running text, in its order, then sections and slides, then its pages."""
    for document in by_document(units):
        pages = _RunningText()
        alone: list[_RunningText] = []
        for unit in document:
            if not unit.is_text:
                yield unit
            elif unit.page_kind == "sheet":
                yield from _table_groups(step, unit)
            elif unit.page_kind == "page" and unit.text.strip():
                pages.add(unit)
            elif unit.text.strip():
                lines = unit.lines | row_lines(unit.tables)
                alone.append(_RunningText(unit.text, [0], [unit.origin], lines))
        for running in (*alone, pages):
            yield from _pieces(step, running)


def _pieces(step: SegmentStep, running: _RunningText) -> Iterator[Unit]:
    """Each article by itself, and what comes before the first one; each cut to size."""
    text = running.text
    begins = [match.start() for match in ARTICLE.finditer(text)] if step.split_articles else []
    for begin, end in pairwise([0, *begins, len(text)]):
        position = begin
        for piece in _cut(step, text[begin:end], running.lines) if end > begin else ():
            # A blank after a sentence means nothing; one that begins a line may be the indentation of code.
            is_line = piece.startswith("\n") or text[:position].endswith("\n") or not position
            content = piece.lstrip("\n" if is_line else None).rstrip()
            if content.strip():
                start = position + len(piece) - len(piece.lstrip())
                page = max(0, bisect_right(running.starts, start) - 1)
                yield _piece_unit(step, running, page, content)
            position += len(piece)


def _piece_unit(step: SegmentStep, running: _RunningText, page: int, content: str) -> Unit:
    """Rows of a table that was cut stand under the names of its columns."""
    lines = content.split("\n")
    is_structured = any(line in running.lines.rows or line in running.lines.items for line in lines)
    names = running.lines.rows.get(lines[0])
    if names is not None and len(names) + 1 + len(content) <= step.max_characters:
        content = f"{names}\n{content}"
    return Unit(running.origins[page], content, is_structured=is_structured)


def _cut(step: SegmentStep, block: str, lines: StructureLines = NO_LINES) -> Iterator[str]:
    """Pieces that joined again are `block`, each at most `max_characters` long.

    An article stays whole if it fits. Prose is cut at the end of a paragraph once `min_characters` are reached, so
    that a heading stays with the text below it. A piece that begins within a table leaves room for the names of its
    columns.
    """
    is_article = ARTICLE.match(block) is not None
    if is_article and len(block.strip()) <= step.max_characters:
        yield block
        return
    piece, room = "", step.max_characters
    for part in _parts(block, step.max_characters):
        if piece and len(piece) + len(part) > room:
            whole, headings = _without_last_headings(piece, lines.headings)
            fits = len(headings) + len(part) <= step.max_characters
            yield whole if fits else piece
            piece = headings if fits else ""
            room = step.max_characters - _names_length(lines, piece or part)
        piece += part
        ends_paragraph = part.endswith("\n") and bool(_SENTENCE_END.search(piece))
        if not is_article and ends_paragraph and len(piece) >= step.min_characters:
            yield piece
            piece, room = "", step.max_characters
    if piece:
        yield piece


def _without_last_headings(piece: str, headings: frozenset[str]) -> tuple[str, str]:
    """The piece, and the headings at its end: they belong to what follows. One of nothing but headings stays whole."""
    parts = piece.splitlines(keepends=True)
    last = len(parts)
    while last and (not parts[last - 1].strip() or parts[last - 1].strip() in headings):
        last -= 1
    moved = "".join(parts[last:])
    return (piece[: -len(moved)], moved) if last and moved.strip() else (piece, "")


def _names_length(lines: StructureLines, begin: str) -> int:
    names = lines.rows.get(begin.split("\n")[0])
    return len(names) + 1 if names is not None else 0


def _parts(block: str, longest: int) -> Iterator[str]:
    """Sentences with the line breaks after them; one longer than `longest` is cut where it reaches it."""
    with_breaks: list[str] = []
    for sentence in _sentences_and_code(block, longest):
        if sentence.strip() or not with_breaks:
            with_breaks.append(sentence)
        else:
            with_breaks[-1] += sentence
    for sentence in with_breaks:
        for start in range(0, len(sentence), longest):
            yield sentence[start : start + longest]


def _sentences_and_code(block: str, longest: int) -> Iterator[str]:
    """The sentences; fenced code whole where it fits, else line by line."""
    position = 0
    for is_code, lines in groupby(lines_with_code(block), key=itemgetter(1)):
        text = block[position : position + sum(len(line) + 1 for line, _ in lines)]
        position += len(text)
        if not is_code:
            yield from sentences(text)
        elif len(text) <= longest:
            yield text
        else:
            yield from text.splitlines(keepends=True)


# -- sheets ---------------------------------------------------------------------------------
def _table_groups(step: SegmentStep, unit: Unit) -> Iterator[Unit]:
    """Groups of rows up to `max_characters`, each under the sheet's title and the table's header."""
    if not unit.tables and unit.text.strip():
        yield Unit(unit.origin, unit.text)
    title = ""
    for table in unit.tables:
        only_row = row_text(table.rows[0]) if len(table.rows) == 1 else None
        if only_row is not None and len(title) + len(only_row) < _HEADING_CHARACTERS:
            title = f"{title}\n{only_row}" if title else only_row
        else:
            yield from _row_groups(step, unit, table, title)
            title = ""
    if title:
        yield Unit(unit.origin, title)


def _row_groups(step: SegmentStep, unit: Unit, table: Table, title: str) -> Iterator[Unit]:
    head = [line for line in (title, row_text(table.rows[0])) if line]
    first = 0 if len(table.rows) == 1 else 1
    available = step.max_characters - sum(len(line) + 1 for line in head)
    group: list[str] = []
    begin = first
    for index in range(first, len(table.rows)):
        line = row_text(table.rows[index])
        if not line:
            continue
        if group and sum(len(row) + 1 for row in group) + len(line) > available:
            yield _rows_unit(unit, table, head, group, begin, index - 1)
            group, begin = [], index
        group.append(line)
    yield _rows_unit(unit, table, head, group, begin, len(table.rows) - 1)


def _rows_unit(unit: Unit, table: Table, head: list[str], group: list[str], begin: int, end: int) -> Unit:
    """The first group's range includes the header row above it."""
    top = 0 if begin <= 1 else begin
    origin = unit.at_cells(rows_range(table, top, end)).origin
    lines = [line for line in group if line not in head] if len(table.rows) == 1 else group
    return Unit(origin, "\n".join([*head, *lines]), is_structured=True)
