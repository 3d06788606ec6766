"""The straight lines that are drawn on a PDF page: rules, the edges of rectangles, and of coloured areas."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import Any

from workers.engines.ingest.parsers.pdf_geometry import Box

THIN = 3.0
"""Points: a thinner area is a line."""
MOST_OBJECTS, MOST_POINTS, DEEPEST = 20_000, 4_000, 3
"""Of a page, of one path, and forms within forms: what has more is a drawing."""
_SHORTEST = 4.0
_STRAIGHT = 0.5
"""Points by which the ends of a straight line may differ."""
Matrix = tuple[float, float, float, float, float, float]
_UNCHANGED: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def rules_of(page: Any, page_box: Box) -> list[Box]:
    """In no order: a thin box is a rule, the four edges of any other are rules. Empty for a page with too many objects."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPage_CountObjects(page.raw)
    if count > MOST_OBJECTS:
        return []
    objects = (pdfium.FPDFPage_GetObject(page.raw, index) for index in range(count))
    found = _Rules(pdfium, page_box)
    found.add(objects, _UNCHANGED, 0)
    return found.boxes


class _Rules:
    def __init__(self, pdfium: Any, page_box: Box) -> None:
        self.boxes: list[Box] = []
        self._pdfium = pdfium
        self._page_box = page_box
        self._left = MOST_OBJECTS
        self._sides = tuple(ctypes.c_float() for _ in range(4))
        self._places = tuple(map(ctypes.byref, self._sides))
        self._x, self._y = ctypes.c_float(), ctypes.c_float()
        self._point = ctypes.byref(self._x), ctypes.byref(self._y)
        self._fill, self._stroke = ctypes.c_int(), ctypes.c_int()
        self._modes = ctypes.byref(self._fill), ctypes.byref(self._stroke)

    def add(self, objects: Iterator[Any], matrix: Matrix, depth: int) -> None:
        pdfium = self._pdfium
        for each in objects:
            self._left -= 1
            if self._left < 0:
                return
            kind = pdfium.FPDFPageObj_GetType(each)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self._add_path(each, matrix)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < DEEPEST:
                count = pdfium.FPDFFormObj_CountObjects(each)
                inner = (pdfium.FPDFFormObj_GetObject(each, index) for index in range(count))
                self.add(inner, _product(self._matrix(each), matrix), depth + 1)

    def _add_path(self, path: Any, matrix: Matrix) -> None:
        if not self._is_drawn(path):
            return
        pdfium = self._pdfium
        if not pdfium.FPDFPageObj_GetBounds(path, *self._places):
            return
        left, bottom, right, top = (side.value for side in self._sides)
        if not math.isfinite(left + bottom + right + top):
            return
        if matrix == _UNCHANGED and (right - left < THIN or top - bottom < THIN):
            self._add(Box(left, bottom, right, top))
            return
        points = pdfium.FPDFPath_CountSegments(path)
        if matrix == _UNCHANGED and points in (4, 5) and self._is_rectangle(path):
            self._add(Box(left, bottom, right, top))
        elif points <= MOST_POINTS:
            self._add_edges(list(self._points(path, points, _product(self._matrix(path), matrix))))

    def _is_drawn(self, path: Any) -> bool:
        self._pdfium.FPDFPath_GetDrawMode(path, *self._modes)
        return bool(self._fill.value or self._stroke.value)

    def _is_rectangle(self, path: Any) -> bool:
        """Whether its first two sides are straight and meet at a right angle; it has four or five points."""
        places = []
        for index in range(3):
            segment = self._pdfium.FPDFPath_GetPathSegment(path, index)
            self._pdfium.FPDFPathSegment_GetPoint(segment, *self._point)
            places.append((self._x.value, self._y.value))
        (a, b), (c, d), (e, f) = places
        is_first, is_second = abs(a - c) < _STRAIGHT, abs(d - f) < _STRAIGHT
        return is_first == is_second and (is_first or (abs(b - d) < _STRAIGHT and abs(c - e) < _STRAIGHT))

    def _points(self, path: Any, count: int, matrix: Matrix) -> Iterator[tuple[int, float, float, bool]]:
        """Kind, place, and whether the line goes back to where it began."""
        pdfium, (a, b, c, d, e, f) = self._pdfium, matrix
        x, y = self._x, self._y
        for index in range(count):
            segment = pdfium.FPDFPath_GetPathSegment(path, index)
            pdfium.FPDFPathSegment_GetPoint(segment, *self._point)
            is_last = bool(pdfium.FPDFPathSegment_GetClose(segment))
            place = a * x.value + c * y.value + e, b * x.value + d * y.value + f
            yield pdfium.FPDFPathSegment_GetType(segment), *place, is_last

    def _add_edges(self, points: list[tuple[int, float, float, bool]]) -> None:
        pdfium = self._pdfium
        began = last = (0.0, 0.0)
        for kind, x, y, is_last in points:
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                began = x, y
            elif kind == pdfium.FPDF_SEGMENT_LINETO:
                self._add_edge(last, (x, y))
            last = x, y
            if is_last:
                self._add_edge(last, began)
                last = began

    def _add_edge(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        (left, right), (bottom, top) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        if right - left <= _STRAIGHT or top - bottom <= _STRAIGHT:
            self._add(Box(left, bottom, right, top))

    def _add(self, box: Box) -> None:
        if max(box.right - box.left, box.top - box.bottom) >= _SHORTEST and box.is_in(self._page_box):
            self.boxes.append(box)

    def _matrix(self, each: Any) -> Matrix:
        matrix = self._pdfium.FS_MATRIX()
        if not self._pdfium.FPDFPageObj_GetMatrix(each, ctypes.byref(matrix)):
            return _UNCHANGED
        return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )
