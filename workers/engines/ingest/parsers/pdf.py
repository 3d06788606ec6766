"""PDF text by pdfium, page by page, with the line breaks inside sentences undone."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pypdfium2.raw

from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import damaged, encrypted
from workers.engines.ingest.parsers import Extracted, check_page_count
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import join_wrapped_lines, normalize, repeated_edges

EDGE_SHARE = 0.6
EDGE_PAGES = 1


def parse(path: Path, spec: IngestSpec) -> Extracted:
    document = _open(path)
    check_page_count(len(document), spec)
    texts = [_page_text(document, index) for index in range(len(document))]
    # A sentence cut by the page's end must not be joined with the footer below it.
    edges = repeated_edges(texts, EDGE_SHARE) if len(texts) > EDGE_PAGES else frozenset()
    pages = [
        Page(kind="page", number=number, text=join_wrapped_lines(text, edges))
        for number, text in enumerate(texts, 1)
    ]
    empty = sum(not page.text for page in pages)
    if empty == len(pages):
        raise UserError(
            "no_text",
            "The PDF holds no text, only pictures (a scan). Reading scans (OCR) is not available yet: "
            "upload the original file, or a PDF with a text layer.",
        )
    title = normalize(document.get_metadata_dict().get("Title", "")) or None
    return Extracted(pages, title, (f"pages_without_text:{empty}",) if empty else ())


def _open(path: Path) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY):
            raise encrypted("The PDF is protected by a password.") from error
        raise damaged("The PDF cannot be opened.") from error
    if not len(document):
        raise damaged("The PDF has no pages.")
    return document


def _page_text(document: pypdfium2.PdfDocument, index: int) -> str:
    try:
        page = document[index]
        text = page.get_textpage().get_text_bounded()
        page.close()
    except pypdfium2.PdfiumError as error:
        raise damaged(f"Page {index + 1} of the PDF cannot be read.") from error
    # pdfium marks a hyphen at a line's end with U+FFFE; the word goes on in the next line.
    return normalize(text.replace("\ufffe\r\n", "").replace("\ufffe", ""))
