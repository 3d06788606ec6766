"""PDF text by pdfium, page by page, with the values of fields, without the line breaks inside sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from workers.contract.media_types import PDF
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import damaged, damaged_by, encrypted
from workers.engines.ingest.parsers.pdf_annotations import insertions
from workers.engines.ingest.parsers.pdf_glyphs import (
    glyphs_of,
    lines_filled_in,
    may_hold_doubles,
    text_with,
    unmapped,
    without_doubles,
)
from workers.engines.ingest.parsers.registry import ParsedDocument, counted, parser
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import join_wrapped_lines, normalize, repeated_edges

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
        self._filled_in: dict[int, frozenset[str]] = {}
        """By page, the shapes of the lines with values of fields, and of the notes."""
        self._forms = ("form_fields_not_read",) if _has_unread_form(document) else ()
        title = normalize(document.get_metadata_dict().get("Title", "")) or None
        super().__init__(self._pages(document), page_count=len(document), title=title)

    def _pages(self, document: Any) -> Iterator[Page]:
        from pypdfium2 import PdfiumError

        for number in range(1, len(document) + 1):
            with damaged_by(f"Page {number} of the PDF cannot be read.", PdfiumError):
                page = document[number - 1]
                text = self._text(document, page, number)
                page.close()
            yield Page(kind="page", number=number, text=text)

    def _text(self, document: Any, page: Any, number: int) -> str:
        textpage = page.get_textpage()
        text = textpage.get_text_bounded()
        added = insertions(document, page)
        if added or may_hold_doubles(text):
            text = text_with(without_doubles(glyphs_of(textpage, page.get_bbox())), added)
            self._filled_in[number] = lines_filled_in(text)
        unknown, asked = unmapped(textpage)
        if unknown >= FEWEST_UNKNOWN and unknown >= UNKNOWN_SHARE * asked:
            self._unreadable.append(number)
        # pdfium marks a hyphen at a line's end with U+FFFE; the word continues in the next line.
        text = normalize(text.replace("\ufffe\r\n", "").replace("\ufffe", ""))
        if not text or (len(text) < LEAST_TEXT and _is_picture(page)):
            self._pictures.append(number)
        return text

    def finish(self, pages: list[Page]) -> list[Page]:
        """Join wrapped lines. Raises UserError `no_text` for a scan."""
        texts = [page.text for page in pages]
        # A sentence cut by the page's end must not be joined with the footer below it.
        edges = repeated_edges(texts, EDGE_SHARE) if len(texts) > EDGE_PAGES else frozenset()
        joined = [self._joined(page, edges) for page in pages]
        if not any(page.text for page in joined):
            raise UserError(
                "no_text",
                "The PDF holds no text, only pictures (a scan). Reading scans (OCR) is not available yet: "
                "upload the original file, or a PDF with a text layer.",
            )
        found = (("pages_without_text", self._pictures), ("fonts_without_characters", self._unreadable))
        pages_named = (counted(code, map(str, numbers)) for code, numbers in found if numbers)
        self.warnings = (*pages_named, *self._forms)
        return joined

    def _joined(self, page: Page, edges: frozenset[str]) -> Page:
        apart = edges | self._filled_in.get(page.number, frozenset())
        return page.model_copy(update={"text": join_wrapped_lines(page.text, apart)})


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
        raise damaged("The PDF has no pages.")
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
