"""The pieces of text on a PDF page: characters that follow one another without a gap, with their place.

The library hands out lines of text. It joins what stands at one height, whatever the distance, so lines are cut where
their parts are further apart than words. Its single characters are looked at only where that is needed: asking it
takes longer than reading the page.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

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
_LEVEL = 0.5
"""Of the type's size: what differs by less in height is one line."""
_WORD = re.compile(r"\S+")
HYPHEN = "\ufffe"
"""Marks a hyphen at the end of a line: the word goes on in the next one."""
_HYPHENATED = re.compile(f"[^{HYPHEN}]*{HYPHEN}|[^{HYPHEN}]+")


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


class Style(NamedTuple):
    size: float
    quarters: int | None
    baseline: float | None
    """Where upright text stands."""
    axis: float = 0.0
    """Where the middle of a vertical line is."""


class PageText:
    """The text of an open page."""

    def __init__(self, textpage: Any, page_box: Box) -> None:
        import pypdfium2.raw as pdfium

        self.page_box = page_box
        self._leftmost, self._rightmost = page_box.left - _MARGIN, page_box.right + _MARGIN
        self.text: str = textpage.get_text_range(errors="surrogatepass")
        self._textpage = textpage
        self._raw = textpage.raw
        self._pdfium = pdfium
        self._count: int = textpage.count_chars()
        self._matrix, self._rectangle = pdfium.FS_MATRIX(), pdfium.FS_RECTF()
        self._matrix_place, self._rectangle_place = ctypes.byref(self._matrix), ctypes.byref(self._rectangle)
        self._font_size, self._get_matrix = pdfium.FPDFText_GetFontSize, pdfium.FPDFText_GetMatrix
        self._char_box = pdfium.FPDFText_GetLooseCharBox
        self._sides = tuple(ctypes.c_double() for _ in range(4))
        self._places = tuple(map(ctypes.byref, self._sides))

    def pieces(self) -> Iterator[Piece]:
        """In the order of the file."""
        is_plain, index = len(self.text) == self._count, self._pdfium.FPDFText_GetCharIndexFromTextIndex
        for line, start in self._lines():
            if shown := line.strip():
                first = start + line.index(shown[0])
                count = len(shown)
                if not is_plain:
                    first, end = index(self._raw, first), index(self._raw, first + count - 1)
                    count = end - first + 1
                style = self.style(first)
                if piece := self._whole(shown, first, count, style):
                    yield piece
                else:
                    yield from self._words(shown, first, count, style)

    def _lines(self) -> Iterator[tuple[str, int]]:
        """Each with where it begins in the text. A hyphen at the end of a line has no line end after it."""
        start = 0
        for line in self.text.split("\r\n"):
            for part in _HYPHENATED.findall(line) if HYPHEN in line else (line,):
                yield part, start
                start += len(part)
            start += 2

    def _whole(self, text: str, first: int, count: int, style: Style) -> Piece | None:
        """A line without gaps, as most are."""
        size, quarters, base, _ = style
        # What is shown depends on the fonts of the machine, the widths of characters do not.
        left, bottom, _, top = start = self._box(first)
        _, end_bottom, right, _ = end = self._box(first + count - 1) if count > 1 else start
        if quarters != 0 or base is None or abs(end_bottom - bottom) > _LEVEL * size or right <= left:
            return self._turned(text, first, count, style, start, end)
        if (
            left < self._leftmost
            or right > self._rightmost
            or (" " in text and self._has_gaps(text, first, count, size))
        ):
            return None
        if not bottom - size <= base <= top + size:
            base = bottom + _DESCENT * size
        box = Box(left, base - _DESCENT * size, right, base + _ASCENT * size)
        return Piece(text, box, size, first=first, count=count) if box.is_in(self.page_box) else None

    def _turned(self, text: str, first: int, count: int, style: Style, start: Box, end: Box) -> Piece | None:
        """A line that does not run from left to right."""
        box, size = _around(start, end), style.size
        if self._pdfium.FPDFText_CountRects(self._raw, first, count) != 1 or not box.is_in(self.page_box):
            return None
        if style.quarters == 0:
            is_straight = abs(start.centre - end.centre) < size / 2 and start.bottom > end.bottom
            if count == 1 or not is_straight or box.top - box.bottom <= _TALL * size:
                return None
        return Piece(text, *_shape(box, style, count), first=first, count=count)

    def _has_gaps(self, text: str, first: int, count: int, size: float) -> bool:
        parts = self._pdfium.FPDFText_CountRects(self._raw, first, count)
        near = GAP * size
        boxes = list(self._parts(parts))
        if not all(-near < after.left - before.right < near for before, after in pairwise(boxes)):
            return True
        # Within what is shown at once, a gap is a blank.
        return (
            boxes[-1].right - boxes[0].left > _SPARSE * size * (display_width(text) / 2 + 1)
            if boxes
            else True
        )

    def _parts(self, count: int) -> Iterator[Box]:
        """What the file shows at once, of the line asked for last."""
        left, top, right, bottom = self._sides
        for index in range(count):
            self._pdfium.FPDFText_GetRect(self._raw, index, *self._places)
            yield Box(left.value, bottom.value, right.value, top.value)

    def _words(self, text: str, first: int, count: int, style: Style) -> Iterator[Piece]:
        """A line with gaps: what stands between its blanks is joined where that is near."""
        if " " not in text or len(text) != count:
            yield from self.cut(glyphs_of(self._textpage, self.page_box, first, count))
            return
        found: list[Piece] = []
        for word in _WORD.finditer(text):
            at, length = first + word.start(), word.end() - word.start()
            piece = self._whole(word[0], at, length, style)
            if (
                piece is None
                or piece.is_vertical
                or piece.box.right - piece.box.left > _SPARSE * piece.size * (length + 1)
            ):
                yield from self.cut(glyphs_of(self._textpage, self.page_box, first, count))
                return
            if found and _is_near(found[-1], piece):
                found[-1] = self._joined(found[-1], piece, text, first)
            else:
                found.append(piece)
        yield from found

    @staticmethod
    def _joined(run: Piece, piece: Piece, text: str, first: int) -> Piece:
        start, end = run.first - first, piece.first + piece.count - first
        box = _around(run.box, piece.box)
        return Piece(text[start:end], box, run.size, first=run.first, count=end - start)

    def _box(self, index: int) -> Box:
        rectangle = self._rectangle
        self._char_box(self._raw, index, self._rectangle_place)
        return Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)

    def style(self, index: int) -> Style:
        size, matrix = self._font_size(self._raw, index), self._matrix
        if not self._get_matrix(self._raw, index, self._matrix_place):
            return Style(_sane(size), 0, None)
        b, d = matrix.b, matrix.d
        if b == 0.0 and d > 0.0 and matrix.a > 0.0:
            scaled = size * d
            return Style(
                scaled if _SMALLEST <= scaled <= _LARGEST else _sane(abs(scaled)), 0, matrix.f, matrix.e
            )
        quarters = quarters_of(matrix.a, b)
        scaled = _sane(abs(size) * math.hypot(matrix.c, d))
        return Style(scaled, quarters, matrix.f if quarters == 0 else None, matrix.e)

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
        text, box = "".join(glyph.text for glyph in glyphs), reduce(_around, boxes)
        yield Piece(text, *_shape(box, style, len(boxes)), glyphs=tuple(glyphs))


def _is_near(before: Piece, piece: Piece) -> bool:
    gap = piece.box.left - before.box.right
    return abs(gap) < GAP * piece.size and abs(piece.box.bottom - before.box.bottom) < _LEVEL * piece.size


def _around(one: Box, other: Box) -> Box:
    a, b, c, d = one
    e, f, g, h = other
    return Box(a if a < e else e, b if b < f else f, c if c > g else g, d if d > h else h)


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
    if is_vertical and box.left - style.size <= style.axis <= box.right + style.size:
        half = style.size / 2
        box = Box(style.axis - half, box.bottom, style.axis + half, box.top)
    return box if is_vertical else _as_line(box, style), style.size, style.quarters, is_vertical


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
