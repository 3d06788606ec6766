"""The characters of a PDF page, each with its place: where lines do not say enough."""

from __future__ import annotations

import ctypes
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from workers.engines.ingest.parsers.pdf_geometry import Box

_NEAR = 0.15
"""Of its height: as far as a character is moved to make it look bold."""
_GAP = 0.3
"""Of its height: from there on the distance to the character before is a space."""
_DOUBLED = re.compile(r"([^\s0-9.・…‥_-])\1")
_DOUBLED_IN_ROW = re.compile(r"([^\W0-9])\1([^\W0-9])\2([^\W0-9])\3")
_MOST_DOUBLED, _DOUBLED_SHARE = 8, 0.05
"""Every text has some characters that stand twice side by side."""
MOST_CHECKED, SAMPLE = 3000, 80
"""Characters of a page that are asked whether it is known what they mean, and how many of them at first."""


class Glyph(NamedTuple):
    """`box` is None for blanks and line ends, which stand nowhere on the page."""

    text: str
    box: Box | None
    index: int = -1
    """Among the characters of the page."""


def glyphs_of(textpage: Any, page_box: Box, first: int = 0, count: int | None = None) -> list[Glyph]:
    """The characters that are on the page, from `first` on."""
    end = textpage.count_chars() if count is None else first + count
    return [
        glyph
        for index in range(first, end)
        if (glyph := _glyph(textpage, index)).box is None or glyph.box.is_in(page_box)
    ]


def _glyph(textpage: Any, index: int) -> Glyph:
    import pypdfium2.raw as pdfium

    code = pdfium.FPDFText_GetUnicode(textpage, index)
    text = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    if pdfium.FPDFText_IsGenerated(textpage, index) == 1 or not text.strip():
        return Glyph(text, None, index)
    rectangle = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rectangle))
    return Glyph(text, Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top), index)


def unmapped(textpage: Any) -> tuple[int, int]:
    """How many of the first characters have no stated meaning, and how many were asked.

    All of them are asked only where one of a sample has none.
    """
    count = min(textpage.count_chars(), MOST_CHECKED)
    if not _unmapped(textpage, range(0, count, 1 + count // SAMPLE)):
        return 0, count
    return _unmapped(textpage, range(count)), count


def _unmapped(textpage: Any, indexes: range) -> int:
    from pypdfium2.raw import FPDFText_HasUnicodeMapError as is_unmapped

    raw = textpage.raw
    return [is_unmapped(raw, index) for index in indexes].count(1)


# -- characters drawn twice -----------------------------------------------------------------
def may_hold_doubles(text: str) -> bool:
    """Whether characters are doubled side by side. The library finds most doubles by itself."""
    doubled = len(_DOUBLED.findall(text))
    if doubled > _MOST_DOUBLED and doubled > _DOUBLED_SHARE * len(text):
        return True
    return doubled > 2 and _DOUBLED_IN_ROW.search(text) is not None


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
