"""Makes a horizontal line of a vertical one, so that a recognizer of horizontal lines reads it whole.

A model that is given a vertical line on its side reads the characters and loses brackets, commas, full stops and long
vowel marks. Here each character is cut out, stands upright beside the one before, and what vertical writing turns or
moves (brackets, 、。 and ー) is turned and moved back.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np

_LEAST_INK = 3
"""Pixels of a character: fewer are dust."""
_SHORTEST, _LONGEST = 0.7, 1.35
"""Of the usual distance from character to character: how far a single one may differ."""
_ALIKE = 0.8
"""Of the likeness at a distance: half of it is the right one where the line is nearly as alike there."""
_UNEVEN = 6.0
"""What an uneven distance costs, in rows cut through ink."""
_MARGIN = 0.1
_BAR = 3.8
"""So many times as high as wide is ー; a digit 1 is at most 3.2 times."""

Grey = np.ndarray
"""(height, width), uint8."""


def horizontal(line: Grey) -> Grey:
    """The vertical line as a horizontal one, its first character at the left; the line itself if it has no ink."""
    threshold, _ = cv2.threshold(line, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    ink = line <= min(threshold, 254)
    columns = np.flatnonzero(ink.any(0))
    if len(columns) < _LEAST_INK:
        return line
    paper = int(np.median(line[~ink]))
    used = slice(columns[0], columns[-1] + 1)
    ink, grey = ink[:, used], line[:, used]
    size = _distance(ink.sum(1), ink.shape[1])
    # Room for the blank part of the squares of a first and a last bracket.
    room = ((size, size), (0, 0))
    ink, grey = np.pad(ink, room), np.pad(grey, room, constant_values=paper)
    cells = [
        rows
        for rows in _cells(ink.sum(1), size)
        if ink[rows].any() or size < rows.start < len(ink) - 2 * size
    ]
    made = np.hstack([_upright(grey[rows], ink[rows], size, paper) for rows in cells])
    margin = max(1, int(size * _MARGIN))
    return cv2.copyMakeBorder(made, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=paper)


def _distance(profile: np.ndarray, width: int) -> int:
    """The usual distance from character to character: where the line is most like itself, moved."""
    wave = profile - profile.mean()

    def alike(step: int) -> float:
        return float((wave[:-step] * wave[step:]).mean()) if len(wave) > 2 * step else -np.inf

    best = max(range(max(2, int(0.8 * width)), max(4, int(1.6 * width))), key=alike)
    if not np.isfinite(alike(best)):
        return max(2, width)
    # The line is like itself at twice the distance, too; that is found where dirt makes it seem wider.
    half = max((best // 2, (best + 1) // 2), key=alike)
    return half if half >= 0.65 * width and alike(half) >= _ALIKE * alike(best) else best


def _cells(profile: np.ndarray, size: int) -> Iterator[slice]:
    """The rows of each character: cut where there is least ink, at distances near the usual one."""
    length = len(profile)
    longest = int(_LONGEST * size)
    steps = np.arange(max(1, int(_SHORTEST * size)), longest + 1)
    uneven = _UNEVEN * ((steps - size) / size) ** 2
    through = np.append(profile / max(1, profile.max()), 0.0)
    cost = np.full(length + 1, np.inf)
    before = np.full(length + 1, -1)
    cost[: min(longest, length + 1)] = through[: min(longest, length + 1)]
    for at in range(steps[0], length + 1):
        reach = steps[steps <= at]
        costs = cost[at - reach] + uneven[: len(reach)]
        best = int(np.argmin(costs))
        if at >= longest or costs[best] + through[at] < cost[at]:
            cost[at], before[at] = costs[best] + through[at], at - reach[best]
    last = max(0, length - int(0.6 * size))
    cuts = [last + int(np.argmin(cost[last:]))]
    while before[cuts[-1]] >= 0:
        cuts.append(before[cuts[-1]])
    edges = sorted({0, *(cut for cut in cuts if 0 < cut < length), length})
    return (slice(begin, end) for begin, end in pairwise(edges))


def _upright(grey: Grey, ink: np.ndarray, size: int, paper: int) -> Grey:
    """One character in a square, where a horizontal line has it; a narrow blank where there is none."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if ink.sum() < _LEAST_INK:
        return np.full((size, size // 2), paper, np.uint8)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = bottom - top, right - left
    middle, centre = (top + bottom) / 2 / len(ink), (left + right) / 2 / ink.shape[1]
    drawn = grey[top:bottom, left:right]
    if max(height, width) < size / 2 and centre > 0.55 and middle < 0.6:
        # 、 and 。 stand at the upper right of a vertical line, and at the lower left of a horizontal one.
        gap = int(0.08 * size)
        return _placed(drawn, size - height - gap, gap, size, paper)
    if height > _BAR * width and height > size / 2 and 0.3 < centre < 0.7:
        return _placed(np.rot90(drawn), (size - width) // 2, (size - height) // 2, size, paper)
    if width > 1.6 * height and height < 0.42 * size and not 0.35 <= middle <= 0.65:
        # An opening bracket is at the end of its square, a closing one at its beginning.
        return _placed(
            np.rot90(drawn), (size - width) // 2, size - height if middle > 0.5 else 0, size, paper
        )
    return _placed(drawn, (size - len(ink)) // 2 + top, (size - ink.shape[1]) // 2 + left, size, paper)


def _placed(drawn: Grey, top: int, left: int, size: int, paper: int) -> Grey:
    cell = np.full((size, size), paper, np.uint8)
    height, width = (min(size, each) for each in drawn.shape)
    if (height, width) != drawn.shape:
        drawn = cv2.resize(np.ascontiguousarray(drawn), (width, height))
    top, left = max(0, min(size - height, top)), max(0, min(size - width, left))
    cell[top : top + height, left : left + width] = drawn
    return cell
