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
        raise _too_many_pages(document.page_count, spec)
    for number, page in enumerate(document.pages, start=1):
        if is_limited and number > spec.max_pages:
            raise _too_many_pages(None, spec)
        yield page
        if document.page_count is not None:
            report(number, document.page_count)


def _too_many_pages(count: int | None, spec: IngestSpec) -> UserError:
    """`count`: None where it is known only that there are too many."""
    shown = f"more than {spec.max_pages}" if count is None else str(count)
    message = f"The document has {shown} pages or sheets; the limit is {spec.max_pages}. Split it and upload the parts."
    if count is None:
        return UserError("too_many_pages", message, reason="uncounted", limit=spec.max_pages)
    return UserError("too_many_pages", message, count=count, limit=spec.max_pages)
