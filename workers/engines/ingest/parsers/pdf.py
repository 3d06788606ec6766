"""PDF text by pdfium, page by page, in the order of reading, with tables, values of fields and blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

from workers.contract.media_types import PDF
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import damaged, damaged_by, encrypted
from workers.engines.ingest.parsers.pdf_annotations import insertions
from workers.engines.ingest.parsers.pdf_blocks import HeadingPath, PageLines, groups_of, normalized, page_of
from workers.engines.ingest.parsers.pdf_geometry import Frame
from workers.engines.ingest.parsers.pdf_glyphs import unmapped
from workers.engines.ingest.parsers.pdf_headings import Headings, bookmarks_of
from workers.engines.ingest.parsers.pdf_page import lines_of, page_box_of
from workers.engines.ingest.parsers.picture import Drawing, Picture
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.shared.text import normalize, repeated_edges

EDGE_SHARE = 0.6
EDGE_PAGES = 1
FEWEST_UNKNOWN, UNKNOWN_SHARE = 5, 0.01
"""Characters of unknown meaning from which on a page is told: a few are marks of lists."""
LEAST_TEXT, PICTURE_SHARE, PICTURE_DEPTH = 20, 0.5, 3
"""A page with fewer characters, of which pictures cover this share, is one without text."""


class PdfDocument(ParsedDocument):
    def __init__(self, document: Any) -> None:
        self._unreadable: list[int] = []
        """Pages whose fonts do not say what their characters mean."""
        self._pictures: list[int] = []
        """Pages without text, and those that are pictures with hardly any."""
        self._headings = Headings(bookmarks_of(document))
        self._read: dict[int, PageLines] = {}
        """By page, what its text is made of."""
        self._forms = ("form_fields_not_read",) if _has_unread_form(document) else ()
        title = normalize(document.get_metadata_dict().get("Title", "")) or None
        super().__init__(
            self._pages(document), page_count=len(document), title=title, picture=partial(_drawn, document)
        )

    def _pages(self, document: Any) -> Iterator[Page]:
        from pypdfium2 import PdfiumError

        for number in range(1, len(document) + 1):
            with damaged_by(
                f"Page {number} of the PDF cannot be read.", PdfiumError, reason="page", page=number
            ):
                page = document[number - 1]
                text = self._text(document, page, number)
                page.close()
            yield Page(kind="page", number=number, text=text)

    def _text(self, document: Any, page: Any, number: int) -> str:
        textpage = page.get_textpage()
        frame = Frame(page_box_of(page), page.get_rotation() // 90)
        read = normalized(number, frame, lines_of(page, textpage, insertions(document, page)))
        unknown, asked = unmapped(textpage)
        if unknown >= FEWEST_UNKNOWN and unknown >= UNKNOWN_SHARE * asked:
            self._unreadable.append(number)
        if not read.texts or (len(read.text) < LEAST_TEXT and _is_picture(page)):
            self._pictures.append(number)
        self._read[number] = read
        return read.text

    def finish(self, pages: list[Page]) -> list[Page]:
        """Join wrapped lines, find headings."""
        self.unread = {"pages_without_text": self._pictures, "fonts_without_characters": self._unreadable}
        self.warnings = self._forms
        return self._finished(pages)

    def _finished(self, pages: list[Page]) -> list[Page]:
        # A sentence cut by the page's end must not be joined with the footer below it.
        texts = [page.text for page in pages]
        edges = repeated_edges(texts, EDGE_SHARE) if len(texts) > EDGE_PAGES else frozenset()
        grouped = {number: groups_of(read, edges) for number, read in self._read.items()}
        for groups in grouped.values():
            self._headings.count(groups)
        self._headings.settle(grouped.values())
        path = HeadingPath()
        return [
            page_of(self._read[page.number], self._headings.marked(grouped[page.number], page.number), path)
            for page in pages
        ]


def _drawn(document: Any, number: int, drawing: Drawing) -> Picture:
    from pypdfium2 import PdfiumError

    with damaged_by(f"Page {number} of the PDF cannot be drawn.", PdfiumError, reason="page", page=number):
        page = document[number - 1]
        scale = drawing.scale_for(*page.get_size())
        drawn = page.render(scale=scale, grayscale=not drawing.is_for_people, rev_byteorder=True).to_numpy()
        page.close()
    return Picture(drawn[..., :3] if drawing.is_for_people else drawn.reshape(drawn.shape[:2]), scale)


def _is_picture(page: Any) -> bool:
    """Whether pictures cover most of the page."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    covered = 0.0
    for picture in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=PICTURE_DEPTH):
        left, bottom, right, top = picture.get_bounds()
        covered += max(0.0, right - left) * max(0.0, top - bottom)
    return covered >= PICTURE_SHARE * width * height


@parser(PDF, libraries=("pypdfium2.raw",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    return PdfDocument(_open(file))


def _open(file: BinaryIO) -> Any:
    """The `pypdfium2.PdfDocument`, with at least one page."""
    import pypdfium2
    import pypdfium2.raw

    try:
        document = pypdfium2.PdfDocument(file.read())
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY):
            raise encrypted("The PDF is protected by a password.") from error
        raise damaged("The PDF cannot be opened.") from error
    if not len(document):
        raise damaged("The PDF has no pages.", reason="no_pages")
    # The values of fields are known only to a form that is set up before the first page is loaded. The pages can be
    # read without it.
    with suppress(pypdfium2.PdfiumError):
        document.init_forms()
    return document


def _has_unread_form(document: Any) -> bool:
    """A form that could not be set up, or one whose pages are made only while it is open (XFA)."""
    import pypdfium2.raw as pdfium

    kind = document.get_formtype()
    return kind == pdfium.FORMTYPE_XFA_FULL or (kind != pdfium.FORMTYPE_NONE and document.formenv is None)
