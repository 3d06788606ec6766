"""The shapes of a slide: where they stand, what they are for, and the order in which a reader takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_TITLES = ("title", "ctrTitle")
_FRAME = ("dt", "ftr", "sldNum", "hdr", "sldImg")
"""Placeholders for what stands on every slide."""
_LISTS = ("body", "obj")
MOST_SHAPES = 200
"""Of which the order is found by gaps; of more the higher one comes first."""
_LARGEST = 2**40


@dataclass(frozen=True)
class Area:
    """In the units of the slide or of the group that holds the shape."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, eq=False)
class Shape:
    element: Any
    area: Area | None
    placeholder: str | None = None
    """Its type."""
    inner: tuple[Shape, ...] | None = None
    """Of a group."""

    @property
    def is_title(self) -> bool:
        return self.placeholder in _TITLES

    @property
    def is_list(self) -> bool:
        """Whether the layout gives its paragraphs marks."""
        return self.placeholder in _LISTS


class Places:
    """Where a layout, and below it its master, put their placeholders; `roots` in this order."""

    def __init__(self, roots: Sequence[Any]) -> None:
        self._areas: dict[tuple[str, str], Area] = {}
        for depth, root in enumerate(roots):
            for node in root.iter(f"{P}sp"):
                mark, area = node.find(f"{P}nvSpPr/{P}nvPr/{P}ph"), _area(node)
                if mark is None or area is None:
                    continue
                kind = mark.get("type", "obj")
                self._areas.setdefault(("type", kind), area)
                if depth == 0:
                    self._areas.setdefault(("idx", mark.get("idx", "")), area)

    def of(self, mark: Any) -> Area | None:
        by_index = self._areas.get(("idx", mark.get("idx", ""))) if mark.get("idx") else None
        kind = mark.get("type", "obj")
        same = {"ctrTitle": "title", "obj": "body", "subTitle": "body"}.get(kind, kind)
        return by_index or self._areas.get(("type", kind)) or self._areas.get(("type", same))


def shapes_in(container: Any, places: Places) -> Iterator[Shape]:
    """In the order of the file; what is hidden and what stands on every slide is left out."""
    for node in container:
        if not isinstance(node.tag, str) or _is_hidden(node):
            continue
        if node.tag in (f"{P}sp", f"{P}cxnSp"):
            mark = node.find(f"{P}nvSpPr/{P}nvPr/{P}ph")
            kind = None if mark is None else mark.get("type", "obj")
            if kind not in _FRAME:
                yield Shape(node, _area(node) or (None if mark is None else places.of(mark)), kind)
        elif node.tag == f"{P}grpSp":
            yield Shape(node, _area(node), inner=tuple(shapes_in(node, places)))
        elif node.tag in (f"{P}graphicFrame", f"{A}tbl"):
            yield Shape(node, _area(node))
        elif node.tag == f"{_MC}AlternateContent":
            # Of content in several forms the first, which new versions show.
            first = node.find(f"{_MC}Choice")
            yield from shapes_in(node if first is None else first, places)
        elif node.tag in (f"{P}cSld", f"{P}spTree"):
            yield from shapes_in(node, places)


def _is_hidden(node: Any) -> bool:
    properties = node.find(f"*/{P}cNvPr")
    return properties is not None and properties.get("hidden") in ("1", "true")


def _area(node: Any) -> Area | None:
    for path in (f"{P}spPr/{A}xfrm", f"{P}grpSpPr/{A}xfrm", f"{P}xfrm"):
        if (frame := node.find(path)) is not None:
            at, size = frame.find(f"{A}off"), frame.find(f"{A}ext")
            if at is not None and size is not None:
                left, top = _units(at.get("x")), _units(at.get("y"))
                return Area(left, top, left + _units(size.get("cx")), top + _units(size.get("cy")))
    return None


def _units(text: str | None) -> int:
    """Some programs write fractions."""
    return int(max(-_LARGEST, min(_LARGEST, float(text or 0))))


def ordered(shapes: list[Shape]) -> list[Shape]:
    """Rows from the top down, in each row columns from the left, in each column rows, and so on, as gaps divide them.

    Shapes without a place come first, in the order of the file.
    """
    placed = [(shape.area, shape) for shape in shapes if shape.area is not None]
    return [*(shape for shape in shapes if shape.area is None), *(shape for _, shape in _by_gaps(placed))]


_Placed = tuple[Area, Shape]


def _by_gaps(shapes: list[_Placed]) -> list[_Placed]:
    if 1 < len(shapes) <= MOST_SHAPES:
        # Shapes that touch are one row: the text below its heading, beside the next column.
        rows = _divided(shapes, [(area.top, area.bottom + 1) for area, _ in shapes])
        parts = rows if len(rows) > 1 else _divided(shapes, [(area.left, area.right) for area, _ in shapes])
        if len(parts) > 1:
            return [shape for part in parts for shape in _by_gaps(part)]
    return sorted(shapes, key=lambda pair: (pair[0].top, pair[0].left))


def _divided(shapes: list[_Placed], spans: list[tuple[int, int]]) -> list[list[_Placed]]:
    """The shapes by what no span reaches over."""
    parts: list[list[_Placed]] = []
    end = 0
    for (start, stop), shape in sorted(zip(spans, shapes, strict=True), key=lambda pair: pair[0]):
        if not parts or start >= end:
            parts.append([])
            end = stop
        parts[-1].append(shape)
        end = max(end, stop)
    return parts
