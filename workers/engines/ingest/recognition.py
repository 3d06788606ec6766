"""Puts the recognized text of pictures (OCR) in the place of the pages that a parser could not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from workers.contract.blocks import LOW_CONFIDENCE
from workers.contract.records import PAGES_FILE, Page, RecognizedText
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.isolation import recognize_in_sandbox
from workers.engines.ingest.pages_writer import PagesWriter
from workers.engines.ingest.parsers.registry import counted
from workers.engines.ingest.reading import Description, no_text
from workers.engines.shared.runtime import Run

_PARSED = "pages.parsed.jsonl"


def with_recognized(
    run: Run, spec: IngestSpec, found: Description, folder: Path
) -> tuple[PagesWriter, tuple[str, ...], int]:
    """Write the pages in `folder` again; what was written, the document's warnings and how many pages were recognized.

    Raises UserError `no_text` where no page has any, beside what `recognize_in_sandbox` raises.
    """
    parsed = run.directory / _PARSED
    (folder / PAGES_FILE).rename(parsed)
    confidences: dict[int, float] = {}

    def report(done: int, total: int) -> None:
        run.progress(done, total, "page")

    try:
        with PagesWriter(folder, report) as written:
            for page in _pages(run, spec, found, parsed):
                if isinstance(page.text_origin, RecognizedText):
                    confidences[page.number] = page.text_origin.confidence
                written.output.page(page)
    finally:
        parsed.unlink()
    if not written.characters:
        raise no_text(
            "Nothing was recognized in its pictures: scan it again, upright and with 300 dpi.",
            reason="nothing_recognized",
        )
    unsure = [str(number) for number, confidence in confidences.items() if confidence < LOW_CONFIDENCE]
    warnings = (
        *_still_unread(found, confidences),
        *([counted("low_confidence", unsure)] if unsure else []),
        *found.warnings,
    )
    return written, warnings, len(confidences)


def _still_unread(found: Description, recognized: Mapping[int, float]) -> Iterator[str]:
    for code, numbers in found.unread:
        if left := [str(number) for number in numbers if number not in recognized]:
            yield counted(code, left)


def _pages(run: Run, spec: IngestSpec, found: Description, parsed: Path) -> Iterator[Page]:
    """All pages in order; one in which nothing is recognized stays as the parser has read it."""
    unread = sorted({number for _, numbers in found.unread for number in numbers})
    run.progress(0, len(unread), "page")
    done = 0
    with open(parsed, "rb") as lines, closing(recognize_in_sandbox(run, spec, unread)) as recognized:
        for page in map(Page.model_validate_json, lines):
            if page.number not in unread[done : done + 1]:
                yield page
                continue
            read = next(recognized)
            done += 1
            run.progress(done, len(unread), "page")
            yield read.model_copy(update={"headings": page.headings}) if read.text else page
