"""The characters of a PDF page with their places: for what must be left out of its text or put into it."""

from __future__ import annotations

import ctypes
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workers.engines.shared.text import compare_key, line_shape, normalize

_NEAR = 0.15
"""Of its height: as far as a character is moved to make it look bold."""
_GAP = 0.3
"""Of its height: from there on the distance to the character before is a space."""
MARK = "\ue000"
"""Follows what is put into a text until that is normalised. It has no meaning of its own."""
_DOUBLED = re.compile(r"(\S)\1")
_MOST_DOUBLED = 8
MOST_CHECKED = 3000
"""Characters of a page that are asked whether it is known what they mean."""


@dataclass(frozen=True)
class Box:
    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        return (self.bottom + self.top) / 2

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2

    @property
    def height(self) -> float:
        return abs(self.top - self.bottom) or 1.0


@dataclass(frozen=True)
class Glyph:
    """`box` is None for blanks and line ends, which stand nowhere on the page."""

    text: str
    box: Box | None


@dataclass(frozen=True)
class Insertion:
    """What stands at a place of the page without being part of its text."""

    text: str
    box: Box
    is_line: bool = False
    """A line of its own, below the one at its height."""

    @property
    def marked(self) -> str:
        return self.text + MARK


def glyphs_of(textpage: Any, page_box: Sequence[float]) -> list[Glyph]:
    return [
        glyph
        for index in range(textpage.count_chars())
        if (glyph := _glyph(textpage, index)).box is None or _is_inside(glyph.box, page_box)
    ]


def _glyph(textpage: Any, index: int) -> Glyph:
    import pypdfium2.raw as pdfium

    code = pdfium.FPDFText_GetUnicode(textpage, index)
    text = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    if pdfium.FPDFText_IsGenerated(textpage, index) == 1 or not text.strip():
        return Glyph(text, None)
    rectangle = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rectangle))
    return Glyph(text, Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top))


def _is_inside(box: Box, page_box: Sequence[float]) -> bool:
    left, bottom, right, top = page_box
    return box.right >= left and box.left <= right and box.top >= bottom and box.bottom <= top


def unmapped(textpage: Any) -> tuple[int, int]:
    """How many of the first characters have no stated meaning, and how many were asked."""
    import pypdfium2.raw as pdfium

    count = min(textpage.count_chars(), MOST_CHECKED)
    return sum(pdfium.FPDFText_HasUnicodeMapError(textpage, index) == 1 for index in range(count)), count


# -- characters drawn twice -----------------------------------------------------------------
def may_hold_doubles(text: str) -> bool:
    """Whether a line occurs twice, or many characters do side by side. The library finds most doubles by itself."""
    lines = Counter("".join(line.split()) for line in text.splitlines())
    return any(count > 1 and len(line) > 1 for line, count in lines.items()) or (
        len(_DOUBLED.findall(text)) > _MOST_DOUBLED
    )


def without_doubles(glyphs: Sequence[Glyph]) -> list[Glyph]:
    """Each character once that is drawn again almost where it stands, which makes it look bold."""
    drawn: dict[str, dict[tuple[int, int], list[Box]]] = defaultdict(lambda: defaultdict(list))
    kept: list[Glyph] = []
    blanks: list[Glyph] = []
    dropped = False
    for glyph in glyphs:
        if glyph.box is None:
            blanks.append(glyph)
        elif _is_drawn(drawn[glyph.text], glyph.box):
            dropped = True
        else:
            before = kept[-1].box if kept else None
            kept += _between(before, glyph.box, blanks) if dropped else blanks
            kept.append(glyph)
            blanks, dropped = [], False
    return kept if dropped else [*kept, *blanks]


def _is_drawn(places: dict[tuple[int, int], list[Box]], box: Box) -> bool:
    """Whether the character stands there; adds its place otherwise."""
    reach = _NEAR * box.height
    x, y = int(box.left // 8), int(box.bottom // 8)
    near = (other for i in (x - 1, x, x + 1) for j in (y - 1, y, y + 1) for other in places.get((i, j), ()))
    if any(abs(other.left - box.left) < reach and abs(other.bottom - box.bottom) < reach for other in near):
        return True
    places[x, y].append(box)
    return False


def _between(before: Box | None, box: Box, blanks: Sequence[Glyph]) -> list[Glyph]:
    """What separates two characters between which others were left out."""
    if before is None:
        return []
    if abs(before.middle - box.middle) > box.height / 2:
        return [Glyph("\n", None)]
    is_apart = box.left - before.right > _GAP * box.height
    return [Glyph(" ", None)] if is_apart and blanks else []


# -- values and notes -----------------------------------------------------------------------
def text_with(glyphs: Sequence[Glyph], insertions: Sequence[Insertion]) -> str:
    """The page's text with what is put into it: beside the text at its height, else below the text above it."""
    at: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for insertion in sorted(insertions, key=lambda each: (-each.box.top, each.box.left)):
        if _is_part_of_page(glyphs, insertion):
            continue
        index, text = _placed(glyphs, insertion)
        at[index].append((insertion.box.left, text))
    pieces: list[str] = []
    for index in range(len(glyphs) + 1):
        pieces += (text for _, text in at.get(index, ()))
        if index < len(glyphs):
            pieces.append(glyphs[index].text)
    return "".join(pieces)


def _is_part_of_page(glyphs: Sequence[Glyph], insertion: Insertion) -> bool:
    """Whether the page itself shows the same text there: some programs draw the values and keep the fields."""
    drawn = "".join(
        glyph.text
        for glyph in glyphs
        if glyph.box is not None
        and insertion.box.left <= glyph.box.centre <= insertion.box.right
        and insertion.box.bottom <= glyph.box.middle <= insertion.box.top
    )
    value = compare_key(insertion.text)
    return bool(value) and value in compare_key(normalize(drawn))


def lines_filled_in(text: str) -> frozenset[str]:
    """The shapes of the lines that something was put into: no sentence continues after them."""
    return frozenset(line_shape(normalize(line)) for line in text.splitlines() if MARK in line)


def _placed(glyphs: Sequence[Glyph], insertion: Insertion) -> tuple[int, str]:
    """The index of the character that it is put before, and its text with what separates it."""
    box = insertion.box
    level = [
        (index, glyph.box)
        for index, glyph in enumerate(glyphs)
        if glyph.box is not None and box.bottom <= glyph.box.middle <= box.top
    ]
    if insertion.is_line:
        index = max((index for index, _ in level), default=None)
        above = index if index is not None else _lowest_above(glyphs, box)
        return _below(glyphs, above, insertion)
    left = [(other.right, index) for index, other in level if other.centre <= box.centre]
    if left:
        return max(left)[1] + 1, f" {insertion.marked}"
    right = [(other.left, index) for index, other in level]
    if right:
        return min(right)[1], f"{insertion.marked} "
    return _below(glyphs, _lowest_above(glyphs, box), insertion)


def _lowest_above(glyphs: Sequence[Glyph], box: Box) -> int | None:
    """The character right above the box, first of those that reach over it; None where nothing stands above."""
    above = [
        (not (glyph.box.left <= box.right and glyph.box.right >= box.left), glyph.box.bottom, -index)
        for index, glyph in enumerate(glyphs)
        if glyph.box is not None and glyph.box.middle > box.top
    ]
    return -min(above)[2] if above else None


def _below(glyphs: Sequence[Glyph], index: int | None, insertion: Insertion) -> tuple[int, str]:
    """After the line of a character; before all text for None."""
    if index is None:
        return 0, f"{insertion.marked}\n"
    ends = (at for at in range(index, len(glyphs)) if glyphs[at].text in ("\n", "\r"))
    return next(ends, len(glyphs)), f"\n{insertion.marked}"
