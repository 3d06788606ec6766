"""OpenDocument texts, workbooks and presentations: pages of the same shape as those of Word, Excel and PowerPoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from workers.contract.media_types import ODP, ODS, ODT
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.parsers.excel_pages import SheetNotes, page_of
from workers.engines.ingest.parsers.odf_lists import ListStyles
from workers.engines.ingest.parsers.odf_parts import (
    DRAW,
    OFFICE,
    PARAGRAPHS,
    PRESENTATION,
    TABLE,
    Package,
    damaged_opendocument,
    inline_text,
    is_left_out,
)
from workers.engines.ingest.parsers.odf_sheets import read_sheets
from workers.engines.ingest.parsers.odf_text import OpenDocumentText
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import LONGEST_LABEL, Piece, sections
from workers.engines.ingest.parsers.sections import page_of as one_page
from workers.engines.shared.text import normalize

_LIBRARIES = ("lxml.etree",)


@parser(ODT, libraries=_LIBRARIES)
def parse_text(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    package = Package(file, spec.max_expanded_bytes)
    with damaged_opendocument():
        root, title = package.root("content.xml"), package.title()
        text = OpenDocumentText(ListStyles([package.root("styles.xml"), root]))
        body = _body(root, "text")
    return ParsedDocument(sections(_blocks(text, body)), title=title)


def _blocks(text: OpenDocumentText, body: Any) -> Iterator[Piece]:
    with damaged_opendocument():
        yield from text.blocks(body)


def _body(root: Any, kind: str) -> Any:
    body = root.find(f"{OFFICE}body/{OFFICE}{kind}")
    if body is None:
        raise ValueError("no body of this kind")
    return body


class Workbook(ParsedDocument):
    """Warns of what its sheets did not show, once they are read."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._hidden_sheets = 0
        self._notes = SheetNotes()
        super().__init__(self._pages(), title=package.title())

    def _pages(self) -> Iterator[Page]:
        number = 0
        with damaged_opendocument(), self._package.archive.open("content.xml") as part:
            for name, sheet, is_hidden in read_sheets(part):
                if is_hidden:
                    self._hidden_sheets += 1
                    continue
                number += 1
                self._notes.add(name, sheet)
                yield page_of(number, name, sheet)

    def finish(self, pages: list[Page]) -> list[Page]:
        sheets = (f"hidden_sheets_skipped:{self._hidden_sheets}",) if self._hidden_sheets else ()
        self.warnings = (*sheets, *self._notes.warnings())
        return pages


@parser(ODS, libraries=_LIBRARIES)
def parse_workbook(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    package = Package(file, spec.max_expanded_bytes)
    with damaged_opendocument():
        return Workbook(package)


@parser(ODP, libraries=_LIBRARIES)
def parse_presentation(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    package = Package(file, spec.max_expanded_bytes)
    with damaged_opendocument():
        root, title = package.root("content.xml"), package.title()
        slides = _body(root, "presentation").findall(f"{DRAW}page")
    return ParsedDocument(_slides(slides), page_count=len(slides), title=title)


def _slides(slides: list[Any]) -> Iterator[Page]:
    tables_of = OpenDocumentText(ListStyles([]))
    with damaged_opendocument():
        for number, slide in enumerate(slides, 1):
            shapes, nodes = _shapes(slide)
            tables = [table for node in nodes if (table := tables_of.table(node)) is not None]
            texts = [text for shape in shapes if (text := normalize("\n".join(shape)))]
            label = texts[0].partition("\n")[0][:LONGEST_LABEL] if texts else None
            yield one_page("slide", number, label, [*texts, *tables])


def _shapes(slide: Any) -> tuple[list[list[str]], list[Any]]:
    """The lines of each shape that holds text, in order, and the tables."""
    shapes: list[list[str]] = []
    tables: list[Any] = []

    def collect(element: Any, lines: list[str]) -> None:
        for child in element:
            if child.tag in PARAGRAPHS:
                lines.append(inline_text(child, lambda inner: collect(inner, lines)))
            elif child.tag == f"{TABLE}table":
                tables.append(child)
            elif isinstance(child.tag, str) and not is_left_out(child) and not _is_placeholder(child):
                collect(child, lines)

    for shape in slide:
        if isinstance(shape.tag, str) and not is_left_out(shape) and not _is_placeholder(shape):
            shapes.append([])
            collect(shape, shapes[-1])
    return shapes, tables


def _is_placeholder(shape: Any) -> bool:
    """A box that nobody has filled in: its text asks to click."""
    return shape.get(f"{PRESENTATION}placeholder") == "true"
