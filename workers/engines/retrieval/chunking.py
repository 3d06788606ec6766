"""Cut pages into passages at the boundaries in the text.

Articles (第N条) of regulations and rows of spreadsheets are passages of their own; prose is cut at
the ends of sentences. Every passage knows where it came from, down to the range of cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from langchain_text_splitters import RecursiveCharacterTextSplitter

from workers.contract.records import Page, Source, Table
from workers.contract.specs.retrieval import Chunking, RetrievalSource
from workers.engines.shared.index.passages import Passage
from workers.engines.shared.records import page_source
from workers.engines.shared.text import rows_range

# An article's head stands at the start of a line: 第12条, 第十二条の2, or Article 12.
ARTICLE = re.compile(r"(?m)^(?=[ \t　]*(?:第[0-9０-９一二三四五六七八九十百千]+条|Article\s+\d+))")
SENTENCE_ENDS = ["\n\n", "\n", "。", "！", "？", ". ", "、", " ", ""]
NUMBER = re.compile(r"[-+¥$]?[\d,.]+[%円]?")
LONGEST_HEAD = 40
LONGEST_HEADER_CELL = 40


def passages_of(document: RetrievalSource, pages: Iterable[Page], chunking: Chunking) -> list[Passage]:
    """All passages of a document in reading order; a text repeated on one page appears once."""
    found: dict[str, Passage] = {}
    for page in pages:
        for text, place in _page_passages(page, page_source(document, page), chunking):
            passage = Passage(text, place, document.groups)
            found.setdefault(passage.id, passage)
    return list(found.values())


def _page_passages(page: Page, source: Source, chunking: Chunking) -> Iterator[tuple[str, Source]]:
    for table in page.tables:
        yield from _row_passages(table, source, chunking)
    # A sheet's text is its tables written out once more.
    if not (page.kind == "sheet" and page.tables):
        for text in split_text(page.text, chunking):
            yield text, source


def _row_passages(table: Table, source: Source, chunking: Chunking) -> Iterator[tuple[str, Source]]:
    header = _header(table)
    for number, row in enumerate(table.rows):
        if header and number == 0:
            continue
        text = _row_text(header, row)
        place = source.model_copy(update={"cells": rows_range(table, number)})
        for piece in _sentences(text, chunking):
            yield piece, place


def _header(table: Table) -> tuple[str, ...]:
    """The first row where it looks like names of columns: several, short, different, not numbers."""
    first = [cell.strip() for cell in table.rows[0]] if len(table.rows) > 1 else []
    named = [cell for cell in first if cell]
    if len(named) < 2 or len(set(named)) != len(named):
        return ()
    if any(len(cell) > LONGEST_HEADER_CELL or NUMBER.fullmatch(cell) for cell in named):
        return ()
    return tuple(first)


def _row_text(header: tuple[str, ...], row: tuple[str, ...]) -> str:
    """`質問: … 回答: …`: each cell after the name of its column, empty cells left out."""
    parts = []
    for column, cell in enumerate(row):
        name = header[column] if column < len(header) else ""
        if cell.strip():
            parts.append(f"{name}: {cell.strip()}" if name else cell.strip())
    return "\n".join(parts)


def split_text(text: str, chunking: Chunking) -> list[str]:
    """Articles apart, cut at sentence ends where they are too long; every piece of a cut article
    begins with the article's head, without which it could not be understood."""
    pieces: list[str] = []
    for section in ARTICLE.split(text):
        section = section.strip()
        if len(section) > chunking.max_characters:
            pieces += _cut(section, chunking)
        elif section:
            pieces.append(section)
    return pieces


def _cut(section: str, chunking: Chunking) -> list[str]:
    head, _, body = section.partition("\n")
    head = head.strip()
    if not (ARTICLE.match(section) and body and len(head) <= LONGEST_HEAD):
        return _sentences(section, chunking)
    shorter = chunking.model_copy(update={"max_characters": chunking.max_characters - len(head) - 1})
    return [f"{head}\n{piece}" for piece in _sentences(body, shorter)]


def _sentences(text: str, chunking: Chunking) -> list[str]:
    splitter = RecursiveCharacterTextSplitter(
        separators=SENTENCE_ENDS,
        keep_separator="end",
        chunk_size=chunking.max_characters,
        chunk_overlap=min(chunking.overlap, chunking.max_characters // 2),
    )
    return [piece.strip() for piece in splitter.split_text(text) if piece.strip()]
