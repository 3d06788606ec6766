"""The pieces of text on a PDF page: characters that follow one another without a gap, with their place.

The library hands out lines of text. It joins what stands at one height, whatever the distance, so lines are cut where
their parts are further apart than words. Its single characters are looked at only where that is needed: asking it
takes longer than reading the page.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from workers.engines.ingest.parsers.pdf_geometry import Box, quarters_of
from workers.engines.ingest.parsers.pdf_glyphs import Glyph, glyphs_of
from workers.engines.shared.text import display_width

GAP = 1.0
"""Of the type's size: from there on what follows is another piece."""
_ASCENT, _DESCENT = 0.85, 0.15
"""Of the type's size: what a line takes above and below its base line."""
_TALL = 1.8
"""Of the type's size: from there on several characters stand below one another."""
_SPARSE = 1.5
"""Times the width that its characters need: such a line has gaps."""
_MARGIN = 2.0
"""Points by which a character may reach over the edge of the page."""
_SMALLEST, _LARGEST = 1.0, 2000.0
HYPHEN = "\ufffe"
"""Marks a hyphen at the end of a line: the word goes on in the next one."""


@dataclass(slots=True)
class Piece:
    text: str
    box: Box
    size: float
    """Of the type, in points."""
    quarters: int | None = 0
    """By which the page is turned clockwise to set the text upright; None where that is none of four."""
    is_vertical: bool = False
    is_value: bool = False
    """Of a form field."""
    first: int = -1
    """Its first character on the page; -1 where `glyphs` says what it is made of."""
    count: int = 0
    glyphs: Sequence[Glyph] = field(default=())


@dataclass(frozen=True)
class Style:
    size: float
    quarters: int | None
    baseline: float | None
    """Where upright text stands."""


class PageText:
    """The text of an open page."""

    def __init__(self, textpage: Any, page_box: Box) -> None:
        import pypdfium2.raw as pdfium

        self.page_box = page_box
        self.text: str = textpage.get_text_range(errors="surrogatepass")
        self._textpage = textpage
        self._raw = textpage.raw
        self._pdfium = pdfium
        self._count: int = textpage.count_chars()
        self._matrix, self._rectangle = pdfium.FS_MATRIX(), pdfium.FS_RECTF()
        self._matrix_place, self._rectangle_place = ctypes.byref(self._matrix), ctypes.byref(self._rectangle)
        self._sides = tuple(ctypes.c_double() for _ in range(4))
        self._places = tuple(map(ctypes.byref, self._sides))

    def pieces(self) -> Iterator[Piece]:
        """In the order of the file."""
        start, is_plain = 0, len(self.text) == self._count
        for line in self.text.split("\r\n"):
            if shown := line.strip():
                first = start + len(line) - len(line.lstrip())
                if is_plain:
                    yield from self._line(shown, first, len(shown))
                else:
                    index = self._pdfium.FPDFText_GetCharIndexFromTextIndex
                    begin, end = index(self._raw, first), index(self._raw, first + len(shown) - 1)
                    yield from self._line(shown, begin, end - begin + 1)
            start += len(line) + 2

    def _line(self, text: str, first: int, count: int) -> Iterator[Piece]:
        style = self.style(first)
        boxes = list(self._boxes(first, count))
        ends = self._box(first), self._box(first + count - 1)
        if boxes and math.isfinite(sum(map(sum, (*boxes, *ends)))) and _is_whole(boxes, style, text):
            # What is shown depends on the fonts of the machine, the widths of characters do not.
            box = _around(ends)
            if box.left >= self.page_box.left - _MARGIN and box.right <= self.page_box.right + _MARGIN:
                if box.is_in(self.page_box):
                    yield Piece(text, *_shape(box, style, count), first=first, count=count)
                return
        yield from self.cut(glyphs_of(self._textpage, self.page_box, first, count))

    def _boxes(self, first: int, count: int) -> Iterator[Box]:
        """Of what the file shows at once, one after the other."""
        found = self._pdfium.FPDFText_CountRects(self._raw, first, count)
        left, top, right, bottom = self._sides
        for index in range(found):
            self._pdfium.FPDFText_GetRect(self._raw, index, *self._places)
            yield Box(left.value, bottom.value, right.value, top.value)

    def _box(self, index: int) -> Box:
        rectangle = self._rectangle
        self._pdfium.FPDFText_GetLooseCharBox(self._raw, index, self._rectangle_place)
        return Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)

    def style(self, index: int) -> Style:
        size, matrix = self._pdfium.FPDFText_GetFontSize(self._raw, index), self._matrix
        if not self._pdfium.FPDFText_GetMatrix(self._raw, index, self._matrix_place):
            return Style(_sane(size), 0, None)
        quarters = quarters_of(matrix.a, matrix.b)
        scaled = _sane(abs(size) * math.hypot(matrix.c, matrix.d))
        return Style(scaled, quarters, matrix.f if quarters == 0 else None)

    def glyphs(self, piece: Piece) -> Sequence[Glyph]:
        if piece.first < 0:
            return piece.glyphs
        return glyphs_of(self._textpage, self.page_box, piece.first, piece.count)

    def cut(self, glyphs: Iterable[Glyph]) -> Iterator[Piece]:
        """Pieces of characters; blanks between distant ones go."""
        run: list[Glyph] = []
        last: Box | None = None
        style = Style(10.0, 0, None)
        blanks: list[Glyph] = []
        for glyph in glyphs:
            if glyph.box is None:
                blanks.append(glyph)
                continue
            if last is None or "\n" in (each.text for each in blanks) or not _follows(last, glyph.box, style):
                yield from self._piece(run, style)
                run, style = [], self.style(glyph.index)
            else:
                run += blanks
            run.append(glyph)
            last, blanks = glyph.box, []
        yield from self._piece(run, style)

    def _piece(self, glyphs: list[Glyph], style: Style) -> Iterator[Piece]:
        boxes = [glyph.box for glyph in glyphs if glyph.box is not None]
        if not boxes:
            return
        text, box = "".join(glyph.text for glyph in glyphs), _around(boxes)
        yield Piece(text, *_shape(box, style, len(boxes)), glyphs=tuple(glyphs))


def _around(boxes: Sequence[Box]) -> Box:
    if len(boxes) == 1:
        return boxes[0]
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return Box(min(lefts), min(bottoms), max(rights), max(tops))


def _sane(size: float) -> float:
    return min(max(size, _SMALLEST), _LARGEST) if math.isfinite(size) else _SMALLEST


def _as_line(box: Box, style: Style) -> Box:
    """Upright lines take the height of their type, whichever characters are in them."""
    base, size = style.baseline, style.size
    if base is None or not box.bottom - size <= base <= box.top + size:
        return box
    return Box(box.left, base - _DESCENT * size, box.right, base + _ASCENT * size)


def _shape(box: Box, style: Style, count: int) -> tuple[Box, float, int | None, bool]:
    """The place, the size, the direction of a piece, and whether its characters stand below one another."""
    is_vertical = style.quarters == 0 and count > 1 and box.top - box.bottom > _TALL * style.size
    return box if is_vertical else _as_line(box, style), style.size, style.quarters, is_vertical


def _is_whole(boxes: Sequence[Box], style: Style, text: str) -> bool:
    """Whether a line has no gaps and runs in one direction; the boxes are of what the file shows at once."""
    if style.quarters is None:
        return True
    if style.quarters != 0:
        return len(boxes) == 1
    box = _around(boxes)
    if box.top - box.bottom > _TALL * style.size and len(text) > 1:
        return len(boxes) == 1 and box.right - box.left < _TALL * style.size
    gap = GAP * style.size
    if not all(-gap < after.left - before.right < gap for before, after in pairwise(boxes)):
        return False
    # Within what is shown at once, a gap is a blank.
    return " " not in text or box.right - box.left < _SPARSE * style.size * (display_width(text) / 2 + 1)


def _follows(before: Box, box: Box, style: Style) -> bool:
    """Whether a character stands beside the one before it, or below it in a vertical line."""
    near = GAP * style.size
    width, height = max(box.right - box.left, 0.1), max(box.top - box.bottom, 0.1)
    is_level = min(before.top, box.top) - max(before.bottom, box.bottom) > 0.3 * min(
        height, before.top - before.bottom
    )
    is_in_line = min(before.right, box.right) - max(before.left, box.left) > 0.3 * min(
        width, before.right - before.left
    )
    if style.quarters in (0, 2) and is_level:
        gap = box.left - before.right if style.quarters == 0 else before.left - box.right
        return -near < gap < near
    if style.quarters in (1, 3) and is_in_line:
        gap = box.bottom - before.top if style.quarters == 1 else before.bottom - box.top
        return -near < gap < near
    return style.quarters == 0 and is_in_line and 0 <= before.bottom - box.top + near / 2 < near
