"""A line of recognized text and its place, and the interface of the engines that find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


Area = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of a picture from its top left corner."""


@dataclass(frozen=True)
class Line:
    text: str
    confidence: float
    shown: Area
    """Where the picture has it."""
    straight: Area
    """Where it would be if the picture were not askew: what its order is found by."""
    height: float
    """Of its characters, about."""
    is_vertical: bool = False
    """Its characters stand below one another."""


class Engine(Protocol):
    """Recognizes the lines of one picture after another, in one thread. It opens no file any more."""

    def read(self, pixels: np.ndarray) -> tuple[int, list[Line]]:
        """Of a picture (height, width), grey: by how many quarters it is to be turned against the clock to stand
        upright, and the lines, in no order, with their places in the turned picture."""


def turned_back(area: Area, turns: int, width: float, height: float) -> Area:
    """Its place before the picture was turned against the clock; `width` and `height` are of the turned one."""
    for _ in range(turns):
        # A quarter with the clock: what was at the left is at the top.
        left, top, right, bottom = area
        area = (height - bottom, left, height - top, right)
        width, height = height, width
    return area
