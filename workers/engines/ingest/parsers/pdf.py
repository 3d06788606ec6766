"""PDF text by pdfium, page by page, with the line breaks inside sentences undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import PDF, damaged, damaged_by, encrypted
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import join_wrapped_lines, normalize, repeated_edges

EDGE_SHARE = 0.6
EDGE_PAGES = 1


class PdfDocument(ParsedDocument):
    def finish(self, pages: list[Page]) -> list[Page]:
        """Join wrapped lines. Raises UserError `no_text` for a scan."""
        texts = [page.text for page in pages]
        # A sentence cut by the page's end must not be joined with the footer below it.
        edges = repeated_edges(texts, EDGE_SHARE) if len(texts) > EDGE_PAGES else frozenset()
        joined = [page.model_copy(update={"text": join_wrapped_lines(page.text, edges)}) for page in pages]
        empty = sum(not page.text for page in joined)
        if empty == len(joined):
            raise UserError(
                "no_text",
                "The PDF holds no text, only pictures (a scan). Reading scans (OCR) is not available yet: "
                "upload the original file, or a PDF with a text layer.",
            )
        self.warnings = (f"pages_without_text:{empty}",) if empty else ()
        return joined


@parser(PDF, libraries=("pypdfium2.raw",))
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    document = _open(file)
    title = normalize(document.get_metadata_dict().get("Title", "")) or None
    return PdfDocument(_pages(document), page_count=len(document), title=title)


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
    return document


def _pages(document: Any) -> Iterator[Page]:
    from pypdfium2 import PdfiumError

    for number in range(1, len(document) + 1):
        with damaged_by(f"Page {number} of the PDF cannot be read.", PdfiumError):
            page = document[number - 1]
            text = page.get_textpage().get_text_bounded()
            page.close()
        # pdfium marks a hyphen at a line's end with U+FFFE; the word continues in the next line.
        text = normalize(text.replace("\ufffe\r\n", "").replace("\ufffe", ""))
        yield Page(kind="page", number=number, text=text)
