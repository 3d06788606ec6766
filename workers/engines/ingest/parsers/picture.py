"""A page as a picture, and how finely it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PIXELS_PER_POINT = 3.0
"""216 dpi: small print has some 15 pixels, and more make recognition slower without making it better."""
MOST_PIXELS = 16_000_000
"""Of a drawn page: A2 at the scale above. Larger pages are drawn more coarsely."""


@dataclass(frozen=True)
class Picture:
    pixels: np.ndarray
    """Grey (height, width), 0 for black to 255 for white."""
    scale: float
    """Pixels per point (1/72 inch)."""


def scale_for(width: float, height: float) -> float:
    """Pixels per point for a page of this size in points."""
    area = max(1.0, width * height)
    return min(PIXELS_PER_POINT, (MOST_PIXELS / area) ** 0.5)
