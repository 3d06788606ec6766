"""Places on a PDF page: in the file's own coordinates, and as they are seen on the turned page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Box(NamedTuple):
    """In the file's coordinates: points, the vertical axis goes up."""

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

    def is_in(self, page: Box) -> bool:
        """Whether any of it is on the page. Not so where a coordinate is not a number."""
        return (
            self.right >= page.left
            and self.left <= page.right
            and self.top >= page.bottom
            and self.bottom <= page.top
        )

    def clipped(self, page: Box) -> Box:
        """The part that is on the page; nowhere larger than the page, whatever the file says."""
        left, bottom = (
            min(max(self.left, page.left), page.right),
            min(max(self.bottom, page.bottom), page.top),
        )
        right, top = min(max(self.right, left), page.right), min(max(self.top, bottom), page.top)
        return Box(left, bottom, right, top)


class Rect(NamedTuple):
    """As it is seen: points from the top left corner, the vertical axis goes down."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


def united(rects: Sequence[Rect]) -> Rect:
    """The smallest rectangle around all of them, of which there is at least one."""
    if len(rects) == 1:
        return rects[0]
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return Rect(min(lefts), min(tops), max(rights), max(bottoms))


@dataclass(frozen=True)
class Frame:
    """A page as it is seen when it is turned clockwise by some quarters.

    In a `vertical` frame the horizontal axis follows the characters of a vertical line downwards, and the vertical
    one goes from line to line, that is to the left.
    """

    page: Box
    quarters: int
    vertical: bool = False

    def rect(self, box: Box) -> Rect:
        page = self.page
        if self.quarters == 0:
            seen = Rect(
                box.left - page.left, page.top - box.top, box.right - page.left, page.top - box.bottom
            )
        elif self.quarters == 1:
            seen = Rect(
                box.bottom - page.bottom, box.left - page.left, box.top - page.bottom, box.right - page.left
            )
        elif self.quarters == 2:
            seen = Rect(
                page.right - box.right, box.bottom - page.bottom, page.right - box.left, box.top - page.bottom
            )
        else:
            seen = Rect(
                page.top - box.top, page.right - box.right, page.top - box.bottom, page.right - box.left
            )
        if self.vertical:
            return Rect(seen.top, self.width - seen.right, seen.bottom, self.width - seen.left)
        return seen

    def box(self, rect: Rect) -> Box:
        """What `rect` made of a box, undone."""
        page, (left, top, right, bottom) = self.page, rect
        if self.vertical:
            left, top, right, bottom = self.width - rect.bottom, rect.left, self.width - rect.top, rect.right
        if self.quarters == 0:
            return Box(left + page.left, page.top - bottom, right + page.left, page.top - top)
        if self.quarters == 1:
            return Box(top + page.left, left + page.bottom, bottom + page.left, right + page.bottom)
        if self.quarters == 2:
            return Box(page.right - right, top + page.bottom, page.right - left, bottom + page.bottom)
        return Box(page.right - bottom, page.top - right, page.right - top, page.top - left)

    @property
    def width(self) -> float:
        """Of the page as it is seen, also in a vertical frame."""
        return self._sizes[0]

    @property
    def height(self) -> float:
        return self._sizes[1]

    @property
    def _sizes(self) -> tuple[float, float]:
        page = self.page
        sizes = page.right - page.left, page.top - page.bottom
        return sizes if self.quarters % 2 == 0 else (sizes[1], sizes[0])


def quarters_of(horizontal: float, vertical: float) -> int | None:
    """The quarters by which a page is turned clockwise to set text upright that runs in this direction.

    None for text that runs in none of the four directions.
    """
    if not (math.isfinite(horizontal) and math.isfinite(vertical)) or not (horizontal or vertical):
        return 0
    along, across = max(abs(horizontal), abs(vertical)), min(abs(horizontal), abs(vertical))
    if across > 0.2 * along:
        return None
    if abs(horizontal) >= abs(vertical):
        return 0 if horizontal > 0 else 2
    return 1 if vertical > 0 else 3
