"""Slides: the text of each slide in the presentation's order, and its tables."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from workers.contract.media_types import PPTX
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged_by
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import LONGEST_LABEL
from workers.engines.ingest.parsers.tables import Merge, table_of, table_text
from workers.engines.shared.text import normalize

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


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
    relations = {
        relation.get("Id"): posixpath.normpath(
            posixpath.join("ppt", relation.get("Target", "").removeprefix("/ppt/"))
        )
        for relation in _xml(archive, "ppt/_rels/presentation.xml.rels")
    }
    listed = _xml(archive, "ppt/presentation.xml").iter(f"{_P}sldId")
    return [relations[slide.get(f"{_R}id")] for slide in listed]


def _xml(archive: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    safe = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(archive.read(name), safe)


def _pages(file: BinaryIO, names: list[str]) -> Iterator[Page]:
    with _damaged_presentation(), zipfile.ZipFile(file) as archive:
        for number, name in enumerate(names, 1):
            root = _xml(archive, name)
            tables = []
            for node in root.iter(f"{_A}tbl"):
                cells = [list(row.iter(f"{_A}tc")) for row in node.iter(f"{_A}tr")]
                rows = [[_paragraphs(cell) for cell in row] for row in cells]
                if (table := table_of(rows, merges=_merges(cells))) is not None:
                    tables.append(table)
            shapes = [text for body in root.iter(f"{_P}txBody") if (text := _paragraphs(body))]
            label = shapes[0].partition("\n")[0][:LONGEST_LABEL] if shapes else None
            text = "\n".join([*shapes, *map(table_text, tables)])
            yield Page(kind="slide", number=number, label=label, text=text, tables=tuple(tables))


def _merges(rows: list[list[Any]]) -> list[Merge]:
    """The first cell of a merge says how far it reaches; the others are there, and empty."""
    return [
        Merge(
            top,
            left,
            top + int(cell.get("rowSpan", "1")) - 1,
            left + int(cell.get("gridSpan", "1")) - 1,
        )
        for top, row in enumerate(rows)
        for left, cell in enumerate(row)
        if cell.get("rowSpan") or cell.get("gridSpan")
    ]


def _paragraphs(node: Any) -> str:
    lines = ("".join(run.text or "" for run in paragraph.iter(f"{_A}t")) for paragraph in node.iter(f"{_A}p"))
    return normalize("\n".join(lines))
