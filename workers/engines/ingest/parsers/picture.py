"""A page as a picture, and how finely it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MOST_SIDE = 12_000
"""Pixels of a side, however long and narrow a page says it is."""


@dataclass(frozen=True)
class Drawing:
    """What a page is drawn for."""

    pixels_per_point: float
    most_pixels: int
    """Larger pages are drawn more coarsely."""
    is_for_people: bool
    """In colour. What recognizes text (OCR) reads grey, and every pixel that a scan has."""

    def scale_for(self, width: float, height: float) -> float:
        """Pixels per point for a page of this size in points."""
        area, side = max(1.0, width * height), max(1.0, width, height)
        return min(self.pixels_per_point, (self.most_pixels / area) ** 0.5, MOST_SIDE / side)

    def share_of(self, width: int, height: int, scale: float) -> float:
        """How much of its sides a picture of so many pixels keeps; `scale` is its pixels per point."""
        if self.is_for_people:
            return min(1.0, self.scale_for(width / scale, height / scale) / scale)
        return min(1.0, (self.most_pixels / (width * height)) ** 0.5)


RECOGNITION = Drawing(3.0, 16_000_000, is_for_people=False)
"""216 dpi: small print has some 15 pixels, and more make recognition slower without making it better."""
SCREEN = Drawing(120 / 72, 4_000_000, is_for_people=True)
"""120 dpi: an A4 page has 992 x 1403 pixels."""


@dataclass(frozen=True)
class Picture:
    pixels: np.ndarray
    """Bytes: grey (height, width), 0 for black to 255 for white, or red, green and blue (height, width, 3)."""
    scale: float
    """Pixels per point (1/72 inch)."""
