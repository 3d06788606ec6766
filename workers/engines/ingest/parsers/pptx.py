"""Slides in the presentation's order: title, text, tables and charts in the order of a reader, then the speaker's notes."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import reduce
from typing import Any, BinaryIO

from workers.contract.media_types import PPTX
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged_by
from workers.engines.ingest.parsers.pptx_content import chart_table, diagram_lines, lines_of, slide_table
from workers.engines.ingest.parsers.pptx_shapes import A, C, P, Places, R, Shape, ordered, shapes_in
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import LONGEST_LABEL, Piece, block_text, page_of
from workers.engines.shared.text import glue, normalize


@parser(PPTX, libraries=("lxml.etree",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    check_archive(file, spec.max_expanded_bytes)
    with _damaged_presentation(), zipfile.ZipFile(file) as archive:
        names = _slide_names(archive)
    return ParsedDocument(_pages(file, names), page_count=len(names))


def _damaged_presentation() -> AbstractContextManager[None]:
    from lxml import etree

    return damaged_by("The presentation cannot be read.", etree.XMLSyntaxError, KeyError, ValueError)


def _slide_names(archive: zipfile.ZipFile) -> list[str]:
    """The parts of the archive that hold the slides, in the order of the presentation."""
    relations = _relations(archive, "ppt/presentation.xml")
    listed = _xml(archive, "ppt/presentation.xml").iter(f"{P}sldId")
    return [relations[slide.get(f"{R}id")][1] for slide in listed]


def _relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """By id: the last word of its type, and the part that it leads to."""
    folder, name = posixpath.split(part)
    listed = f"{folder}/_rels/{name}.rels"
    if listed not in archive.namelist():
        return {}
    return {
        relation.get("Id", ""): (
            relation.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/"),
        )
        for relation in _xml(archive, listed)
        if relation.get("TargetMode") != "External"
    }


def _xml(archive: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    safe = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(archive.read(name), safe)


def _pages(file: BinaryIO, names: list[str]) -> Iterator[Page]:
    with _damaged_presentation(), zipfile.ZipFile(file) as archive:
        layouts: dict[str, Places] = {}
        for number, name in enumerate(names, 1):
            slide = _Slide(archive, name, layouts)
            pieces = list(slide.pieces())
            label = slide.title or next((line for piece in pieces if (line := _first_line(piece))), "")
            yield page_of("slide", number, label[:LONGEST_LABEL] or None, pieces)


def _first_line(piece: Piece) -> str:
    text = piece if isinstance(piece, str) else getattr(piece, "text", None) or ""
    return text.partition("\n")[0].strip()


class _Slide:
    """One slide with the parts that it refers to. `layouts`: the places of each layout that was read."""

    def __init__(self, archive: zipfile.ZipFile, name: str, layouts: dict[str, Places]) -> None:
        self.title = ""
        self._archive = archive
        self._relations = _relations(archive, name)
        self._root = _xml(archive, name)
        layout = self._part("slideLayout")
        if layout is not None and layout not in layouts:
            layouts[layout] = self._places(layout)
        self._layout = layouts.get(layout or "", Places([]))

    def _part(self, kind: str) -> str | None:
        found = (part for relation, part in self._relations.values() if relation == kind)
        return next((part for part in found if part in self._archive.namelist()), None)

    def _places(self, layout: str) -> Places:
        """Where the layout puts its placeholders, and its master those that the layout does not place."""
        masters = (part for kind, part in _relations(self._archive, layout).values() if kind == "slideMaster")
        parts = [layout, *(part for part in masters if part in self._archive.namelist())]
        return Places([_xml(self._archive, part) for part in parts])

    def pieces(self) -> Iterator[Piece]:
        shapes = list(shapes_in(self._root, self._layout))
        for shape in shapes:
            if shape.is_title and not self.title:
                lines = [normalize(line.text) for line in lines_of(shape.element)]
                self.title = reduce(glue, filter(None, "\n".join(lines).split("\n")), "")
                yield block_text("heading", self.title, 1)
                shapes.remove(shape)
                break
        yield from self._shapes(shapes)
        yield from self._notes()

    def _shapes(self, shapes: Iterable[Shape]) -> Iterator[Piece]:
        for shape in ordered(list(shapes)):
            if shape.inner is not None:
                yield from self._shapes(shape.inner)
            elif shape.element.tag in (f"{P}graphicFrame", f"{A}tbl"):
                yield from self._frame(shape.element)
            else:
                for line in lines_of(shape.element, is_list=shape.is_list):
                    text = normalize(line.text)
                    yield block_text("list_item", text, line.level) if line.level else text

    def _frame(self, frame: Any) -> Iterator[Piece]:
        for node in frame.iter(f"{A}tbl"):
            if (table := slide_table(node)) is not None:
                yield table
        for node in frame.iter(f"{C}chart"):
            if (part := self._referred(node.get(f"{R}id"))) is not None:
                title, chart = chart_table(part)
                yield title
                if chart is not None:
                    yield chart
        for node in frame.iter("{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"):
            if (part := self._referred(node.get(f"{R}dm"))) is not None:
                yield from diagram_lines(part)

    def _referred(self, relation: str | None) -> Any:
        _, part = self._relations.get(relation or "", ("", ""))
        return _xml(self._archive, part) if part in self._archive.namelist() else None

    def _notes(self) -> Iterator[Piece]:
        if (part := self._part("notesSlide")) is None:
            return
        for shape in shapes_in(_xml(self._archive, part), Places([])):
            if shape.placeholder == "body":
                text = normalize("\n".join(line.text for line in lines_of(shape.element)))
                yield block_text("note", text)
