"""The limits on a document's pages, applied while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.parsers.registry import ParsedDocument
from workers.engines.shared.runtime import UserError

Report = Callable[[int, int], None]
"""Called with the pages read and the pages there are."""


def read_pages(document: ParsedDocument, spec: IngestSpec, report: Report) -> Iterator[Page]:
    """The pages one after the other; progress is reported where their number is known beforehand.

    Raises UserError `too_many_pages`. Pages that only show the records of a JSONL file are not limited.
    """
    is_limited = document.records is None
    if is_limited and document.page_count is not None and document.page_count > spec.max_pages:
        raise _too_many_pages(str(document.page_count), spec)
    for number, page in enumerate(document.pages, start=1):
        if is_limited and number > spec.max_pages:
            raise _too_many_pages(f"more than {spec.max_pages}", spec)
        yield page
        if document.page_count is not None:
            report(number, document.page_count)


def _too_many_pages(count: str, spec: IngestSpec) -> UserError:
    return UserError(
        "too_many_pages",
        f"The document has {count} pages or sheets; the limit is {spec.max_pages}. Split it and upload the parts.",
    )
