"""Cut text into pieces at the boundaries in it, and keep where each of their characters stood.

Articles (第N条) of regulations are pieces of their own; prose is cut at the ends of sentences, and where the blocks of a
page are known, between them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from workers.contract.blocks import Block, BlockKind
from workers.contract.personal_data import PersonalSpan, merged
from workers.contract.specs.retrieval import Chunking
from workers.engines.retrieval.sentences import ranges
from workers.engines.shared.text import CAPTIONED_ARTICLE

LONGEST_HEAD = 40


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


def pieces_of(text: str, chunking: Chunking, blocks: Sequence[Block] = ()) -> list[Piece]:
    """Articles apart, and what stands under each heading; cut between blocks or at sentence ends where they are too
    long. Every piece of a cut article begins with the article's head, without which it could not be understood."""
    pieces: list[Piece] = []
    cuts = [Cut(line_start(text, block), block.kind) for block in blocks]
    headings = (
        cut.at
        for before, cut in zip([None, *cuts], cuts, strict=False)
        if cut.kind == "heading" and (before is None or before.kind != "heading")
    )
    begins = sorted({*headings, *(match.start() for match in CAPTIONED_ARTICLE.finditer(text))})
    for begin, end in pairwise([0, *begins, len(text)]):
        section, start = _stripped(text[begin:end], begin)
        if len(section) > chunking.max_characters:
            inside = _moved(cuts, start, start + len(section))
            pieces += (piece.moved(start) for piece in _cut(section, chunking, inside))
        elif section:
            pieces.append(whole_piece(section, start))
    return pieces


class Cut(NamedTuple):
    """Where a block begins: at its line, which a mark of Markdown may begin."""

    at: int
    kind: BlockKind


def line_start(text: str, block: Block) -> int:
    return text.rfind("\n", 0, block.start) + 1


def _moved(cuts: Sequence[Cut], start: int, end: int) -> list[Cut]:
    """Those between `start` and `end`, as cuts of the text that begins there."""
    first = bisect_left(cuts, start, key=lambda cut: cut.at)
    last = bisect_left(cuts, end, lo=first, key=lambda cut: cut.at)
    return [Cut(cut.at - start, cut.kind) for cut in cuts[first:last]]


def _stripped(text: str, start: int) -> tuple[str, int]:
    """The text without blanks around it, and where it begins if the whole begins at `start`."""
    return text.strip(), start + len(text) - len(text.lstrip())


def whole_piece(text: str, start: int = 0) -> Piece:
    return Piece(text, (Part(0, len(text), start),))


def _cut(section: str, chunking: Chunking, cuts: Sequence[Cut]) -> Iterable[Piece]:
    article = CAPTIONED_ARTICLE.match(section)
    if article is None:
        return _packed(section, chunking, cuts)
    rest, _, body = section[article.end() :].partition("\n")
    first = article[0] + rest
    head = first.strip()
    if not body or len(head) > LONGEST_HEAD:
        return _packed(section, chunking, cuts)
    begin = len(first) + 1
    found = _packed(body, _below(head, chunking), _moved(cuts, begin, len(section)))
    whole = whole_piece(*_stripped(first, 0))
    return [_headed(whole, piece.moved(begin)) for piece in found]


def _below(head: str, chunking: Chunking) -> Chunking:
    """What is left to a piece that begins with the head."""
    return chunking.model_copy(update={"max_characters": chunking.max_characters - len(head) - 1})


def _headed(head: Piece, piece: Piece) -> Piece:
    shift = len(head.text) + 1
    below = (part._replace(at=part.at + shift) for part in piece.parts)
    return Piece(f"{head.text}\n{piece.text}", (*head.parts, *below))


def _packed(text: str, chunking: Chunking, cuts: Sequence[Cut]) -> Iterator[Piece]:
    """Neighbouring blocks together as long as they fit. One that is too long is cut itself, with the headings above it."""
    if not cuts:
        yield from sentence_pieces(text, chunking)
        return
    begin, only_headings = 0, True
    for cut, after in pairwise([*cuts, Cut(len(text), "paragraph")]):
        if after.at - begin > chunking.max_characters and not only_headings:
            yield from _cut_block(text, begin, cut.at, "paragraph", chunking)
            begin, only_headings = cut.at, True
        if after.at - begin > chunking.max_characters:
            yield from _cut_block(text, begin, after.at, cut.kind, chunking)
            begin, only_headings = after.at, True
        else:
            only_headings = only_headings and cut.kind == "heading"
    yield from _cut_block(text, begin, len(text), "paragraph", chunking)


def _cut_block(text: str, begin: int, end: int, kind: BlockKind, chunking: Chunking) -> Iterator[Piece]:
    block, start = _stripped(text[begin:end], begin)
    cut = _table_pieces if kind == "table" else sentence_pieces
    if len(block) > chunking.max_characters:
        yield from (piece.moved(start) for piece in cut(block, chunking))
    elif block:
        yield whole_piece(block, start)


def _table_pieces(text: str, chunking: Chunking) -> Iterable[Piece]:
    """Rows under the names of their columns, which every piece repeats."""
    head, _, rows = text.partition("\n")
    if 2 * len(head) > chunking.max_characters:
        return sentence_pieces(text, chunking)
    without_overlap = _below(head, chunking).model_copy(update={"overlap": 0})
    found = sentence_pieces(rows, without_overlap)
    return [_headed(whole_piece(head), piece.moved(len(head) + 1)) for piece in found]


def sentence_pieces(text: str, chunking: Chunking) -> Iterator[Piece]:
    longest = chunking.max_characters
    found = ranges(text, longest=longest, overlap=min(chunking.overlap, longest // 2))
    return (whole_piece(text[start:end], start) for start, end in found)
