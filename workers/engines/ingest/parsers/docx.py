"""Word documents: one section per heading of the first two levels, tables and notes in their place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

from workers.contract.media_types import DOCX
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.archive import check_archive
from workers.engines.ingest.file_types import damaged_by
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.parsers.sections import (
    SECTION_LEVELS,
    Piece,
    SectionHeading,
    block_text,
    sections,
)
from workers.engines.ingest.parsers.tables import table_of
from workers.engines.ingest.parsers.text_blocks import regulation_level
from workers.engines.ingest.parsers.word_numbering import Numbering, Styles
from workers.engines.ingest.parsers.word_text import Note, Paragraph, WordTable, WordText
from workers.engines.shared.text import normalize, normalize_layout

_NOTE_PARTS = ("footnotes", "endnotes")
_MAIN_PARTS = (
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
    "application/vnd.ms-word.document.macroEnabled.main+xml",
    "application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
)


@parser(DOCX, libraries=("docx",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    check_archive(file, spec.max_expanded_bytes)
    with _damaged_document():
        document = _opened(file)
        title = normalize(document.core_properties.title or "") or None
        styles = Styles(_part(document, "styles"))
        text = WordText(
            {name: _part(document, name) for name in _NOTE_PARTS},
            Numbering(_part(document, "numbering"), styles),
        )
    return ParsedDocument(sections(_pieces(document.element.body, text, styles)), title=title)


def _opened(file: BinaryIO) -> Any:
    """The document, also one with macros, which are not read, and a template. `docx.Document` opens neither."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.part import PartFactory
    from docx.package import Package
    from docx.parts.document import DocumentPart

    for content_type in _MAIN_PARTS:
        PartFactory.part_type_for[content_type] = DocumentPart
    main = Package.open(file).part_related_by(RELATIONSHIP_TYPE.OFFICE_DOCUMENT)
    if not isinstance(main, DocumentPart):
        raise ValueError("the main part is no Word document")
    return main.document


def _damaged_document() -> AbstractContextManager[None]:
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import XMLSyntaxError

    own = (PackageNotFoundError, XMLSyntaxError)
    return damaged_by("The Word document cannot be read.", *own, KeyError, ValueError, AttributeError)


def _part(document: Any, name: str) -> Any:
    """The root element of the document's part of this kind, None where it has none."""
    from lxml import etree

    safe = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    for relation in document.part.rels.values():
        if relation.reltype.endswith(f"/{name}") and not relation.is_external:
            return etree.fromstring(relation.target_part.blob, safe)
    return None


def _pieces(body: Any, text: WordText, styles: Styles) -> Iterator[Piece]:
    with _damaged_document():
        for block in text.blocks(body):
            if isinstance(block, WordTable):
                if (table := table_of(block.rows, merges=block.merges)) is not None:
                    yield table
            elif isinstance(block, Note):
                yield block_text("note", f"({block.mark}) {normalize(block.text)}")
            else:
                yield _paragraph(block, styles)


def _paragraph(paragraph: Paragraph, styles: Styles) -> Piece:
    """A heading of the first two levels begins a section; one of the other levels and a title stay in theirs."""
    level = styles.heading_level(paragraph.properties)
    if level is not None and level <= SECTION_LEVELS and (heading := normalize(paragraph.text)):
        return SectionHeading(heading, level)
    text = normalize_layout(paragraph.text)
    if level is not None or styles.is_title(paragraph.properties):
        return block_text("heading", text, level or 1)
    is_item = paragraph.level is not None and regulation_level(text.strip()) is None
    return block_text("list_item", text, paragraph.level) if is_item else text
