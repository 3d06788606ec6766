"""Cut pages into passages at the boundaries in the text.

Articles (第N条) of regulations and rows of spreadsheets are passages of their own; prose is cut at
the ends of sentences. Every passage knows where it came from, down to the range of cells, and where personal data stand
in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from workers.contract.personal_data import PageFinds, PersonalSpan, merged
from workers.contract.records import Page, Source, Table
from workers.contract.specs.retrieval import Chunking, RetrievalSource
from workers.engines.retrieval.sentences import ranges
from workers.engines.shared.index.passages import Passage
from workers.engines.shared.records import page_source
from workers.engines.shared.text import CAPTIONED_ARTICLE, rows_range

NUMBER = re.compile(r"[-+¥$]?[\d,.]+[%円]?")
LONGEST_HEAD = 40
LONGEST_HEADER_CELL = 40


def passages_of(
    document: RetrievalSource,
    pages: Iterable[Page],
    chunking: Chunking,
    personal_data: Mapping[int, PageFinds] | None = None,
) -> list[Passage]:
    """All passages of a document in reading order; a text repeated on one page appears once.

    `personal_data`: the finds of each page, by its number.
    """
    found: dict[str, Passage] = {}
    for page in pages:
        finds = (personal_data or {}).get(page.number, PageFinds())
        for text, place, spans in _page_passages(page, page_source(document, page), chunking, finds):
            passage = Passage(text, place, document.groups, tuple(spans))
            # Of two places with the same text, what is personal in one of them is so in the passage.
            if (same := found.get(passage.id)) is not None:
                passage = replace(same, personal_data=tuple(merged([*same.personal_data, *spans])))
            found[passage.id] = passage
    return list(found.values())


def _page_passages(
    page: Page, source: Source, chunking: Chunking, finds: PageFinds
) -> Iterator[tuple[str, Source, list[PersonalSpan]]]:
    for number, table in enumerate(page.tables):
        yield from _row_passages(table, source, chunking, finds.cells(number))
    # A sheet's text is its tables written out once more.
    if not (page.kind == "sheet" and page.tables):
        for piece in pieces_of(page.text, chunking):
            yield piece.text, source, piece.spans(finds.text)


def _row_passages(
    table: Table,
    source: Source,
    chunking: Chunking,
    finds: Mapping[tuple[int, int], Sequence[PersonalSpan]],
) -> Iterator[tuple[str, Source, list[PersonalSpan]]]:
    header = _header(table)
    for number in range(1 if header else 0, len(table.rows)):
        text, spans = _row_text(table, header, number, finds)
        place = source.model_copy(update={"cells": rows_range(table, number)})
        for piece in _sentences(text, chunking):
            yield piece.text, place, piece.spans(spans)


def _header(table: Table) -> tuple[str, ...]:
    """The first row where it looks like names of columns: several, short, different, not numbers."""
    first = [cell.strip() for cell in table.rows[0]] if len(table.rows) > 1 else []
    named = [cell for cell in first if cell]
    if len(named) < 2 or len(set(named)) != len(named):
        return ()
    if any(len(cell) > LONGEST_HEADER_CELL or NUMBER.fullmatch(cell) for cell in named):
        return ()
    return tuple(first)


def _row_text(
    table: Table,
    header: tuple[str, ...],
    row: int,
    finds: Mapping[tuple[int, int], Sequence[PersonalSpan]],
) -> tuple[str, list[PersonalSpan]]:
    """`質問: … 回答: …`: each cell after the name of its column, empty cells left out; and the finds in it."""
    text, spans = "", []
    for column, cell in enumerate(table.rows[row]):
        if not cell.strip():
            continue
        text += "\n" if text else ""
        if column < len(header) and header[column]:
            title = table.rows[0][column]
            spans += _moved(title, finds.get((0, column), ()), len(text))
            text += f"{header[column]}: "
        spans += _moved(cell, finds.get((row, column), ()), len(text))
        text += cell.strip()
    return text, spans


def _moved(cell: str, finds: Sequence[PersonalSpan], at: int) -> Iterator[PersonalSpan]:
    """The finds of a cell as spans of a text that has the stripped cell from `at` on."""
    start = len(cell) - len(cell.lstrip())
    moved = (span.within(start, start + len(cell.strip()), at) for span in finds)
    return (span for span in moved if span)


class Part(NamedTuple):
    """Characters of a piece that stand together in the text that it was cut from."""

    at: int
    """Where in the piece."""
    length: int
    start: int
    """Where in the text."""


class Piece(NamedTuple):
    text: str
    parts: tuple[Part, ...]

    def spans(self, finds: Sequence[PersonalSpan]) -> list[PersonalSpan]:
        """What of the finds in the text, which are in order, is in the piece, also where only a part of a find is."""
        found = []
        for at, length, start in self.parts:
            first = bisect_right(finds, start, key=lambda span: span.end)
            last = bisect_left(finds, start + length, lo=first, key=lambda span: span.start)
            found += (span.within(start, start + length, at) for span in finds[first:last])
        return merged(span for span in found if span)

    def moved(self, by: int) -> Piece:
        """As a piece of a text that has the one it was cut from `by` characters later."""
        return self._replace(parts=tuple(part._replace(start=part.start + by) for part in self.parts))


def split_text(text: str, chunking: Chunking) -> list[str]:
    return [piece.text for piece in pieces_of(text, chunking)]


def pieces_of(text: str, chunking: Chunking) -> list[Piece]:
    """Articles apart, cut at sentence ends where they are too long; every piece of a cut article
    begins with the article's head, without which it could not be understood."""
    pieces: list[Piece] = []
    begins = [match.start() for match in CAPTIONED_ARTICLE.finditer(text)]
    for begin, end in pairwise([0, *begins, len(text)]):
        section, start = _stripped(text[begin:end], begin)
        if len(section) > chunking.max_characters:
            pieces += (piece.moved(start) for piece in _cut(section, chunking))
        elif section:
            pieces.append(_whole(section, start))
    return pieces


def _stripped(text: str, start: int) -> tuple[str, int]:
    """The text without blanks around it, and where it begins if the whole begins at `start`."""
    return text.strip(), start + len(text) - len(text.lstrip())


def _whole(text: str, start: int = 0) -> Piece:
    return Piece(text, (Part(0, len(text), start),))


def _cut(section: str, chunking: Chunking) -> list[Piece]:
    article = CAPTIONED_ARTICLE.match(section)
    if article is None:
        return _sentences(section, chunking)
    rest, _, body = section[article.end() :].partition("\n")
    first = article[0] + rest
    head = first.strip()
    if not body or len(head) > LONGEST_HEAD:
        return _sentences(section, chunking)
    shorter = chunking.model_copy(update={"max_characters": chunking.max_characters - len(head) - 1})
    pieces = (piece.moved(len(first) + 1) for piece in _sentences(body, shorter))
    return [_headed(_whole(*_stripped(first, 0)), piece) for piece in pieces]


def _headed(head: Piece, piece: Piece) -> Piece:
    shift = len(head.text) + 1
    below = (part._replace(at=part.at + shift) for part in piece.parts)
    return Piece(f"{head.text}\n{piece.text}", (*head.parts, *below))


def _sentences(text: str, chunking: Chunking) -> list[Piece]:
    longest = chunking.max_characters
    found = ranges(text, longest=longest, overlap=min(chunking.overlap, longest // 2))
    return [_whole(text[start:end], start) for start, end in found]
