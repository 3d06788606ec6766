"""Where on its page a passage stands that was found in an index, or a quote of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from common.storage import artifact_path
from documents.places import Passage
from documents.selectors import PAGES, page_in
from documents.showing import PersonalDataUnknown, masked_as
from workers.contract.cells import range_of, row_numbers
from workers.contract.personal_data import PersonalDataMode
from workers.contract.records import Source, Table
from workers.contract.specs.serving import SearchHit

PageKey = tuple[str, int, PersonalDataMode]
Pages = Mapping[PageKey, dict[str, Any]]
NO_PAGES: Pages = MappingProxyType({})


def pages_of(organization_id: str, hits: Iterable[SearchHit]) -> Pages:
    """The pages that the passages stand on, as they are shown where the passages are shown so. Uses no database. Without
    those that were deleted meanwhile."""
    found: dict[PageKey, dict[str, Any]] = {}
    for key in {_key(hit.source, hit.personal_data) for hit in hits}:
        revision_id, number, mode = key
        folder = artifact_path(organization_id, PAGES, revision_id)
        try:
            page = page_in(folder, number)
            if page is not None:
                found[key] = masked_as(mode, folder, page)
        except (OSError, PersonalDataUnknown):
            continue
    return found


def _key(source: Source, mode: PersonalDataMode) -> PageKey:
    return source.revision_id, source.number, mode


def locate(hit: SearchHit, pages: Pages, quote: str = "") -> Passage:
    """The place of the quote, word for word, or of the whole passage; of a row of a table its cells. Nothing where the page
    does not have it."""
    page = pages.get(_key(hit.source, hit.personal_data))
    if page is None:
        return Passage()
    cells = hit.source.cells
    if cells is not None:
        table = None if page["kind"] == "sheet" else _table_with(page, cells, hit.text)
        is_known = page["kind"] == "sheet" or table is not None
        return Passage(cells=cells, table=table, personal_data=hit.personal_data) if is_known else Passage()
    start, end = _range_of(page["text"], hit.text)
    if quote:
        at = page["text"].find(quote, start, end)
        # A passage may begin with a heading that stands further up.
        start = page["text"].find(quote) if at < 0 else at
        end = start + len(quote)
    return Passage(start, end, personal_data=hit.personal_data) if 0 <= start < end else Passage()


def _range_of(text: str, passage: str) -> tuple[int, int]:
    """(-1, -1) where the passage does not stand in the text, also without its first line: parts of a long article repeat the
    article's title."""
    for part in (passage, passage.partition("\n")[2]):
        if part and (start := text.find(part)) >= 0:
            return start, start + len(part)
    return -1, -1


def _table_with(page: dict[str, Any], cells: str, text: str) -> int | None:
    """Which of the page's tables has this text in these cells: the tables of a page are counted apart."""
    top, _, bottom, _ = range_of(cells)
    for which, fields in enumerate(page["tables"]):
        table = Table.model_construct(**fields)
        rows = [
            row
            for place, row in enumerate(table.rows)
            if row_numbers(table, place)[1] > top and row_numbers(table, place)[0] <= bottom + 1
        ]
        if rows and all(cell.strip() in text for row in rows for cell in row):
            return which
    return None
