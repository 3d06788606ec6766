"""Pages are read one at a time: limits end the reading, and each page is reported where their number is known."""

from __future__ import annotations

import pytest

from workers.contract.records import Page
from workers.engines.ingest.parsers.limits import read_pages
from workers.engines.ingest.parsers.registry import ParsedDocument
from workers.engines.shared.runtime import UserError


class Pages:
    """So many pages, and how many of them were read."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = 0

    def __iter__(self):
        for number in range(1, self.count + 1):
            self.read = number
            yield Page(kind="section", number=number, text="本文。")


@pytest.fixture
def reported():
    return []


@pytest.fixture
def read(spec_for, reported):
    def read_document(document: ParsedDocument, max_pages: int = 5) -> list[Page]:
        spec = spec_for("a.txt", b"", max_pages=max_pages)
        return list(read_pages(document, spec, lambda done, total: reported.append((done, total))))

    return read_document


def test_reports_each_page_where_their_number_is_known(read, reported):
    assert len(read(ParsedDocument(Pages(3), page_count=3))) == 3
    assert reported == [(1, 3), (2, 3), (3, 3)]


def test_reports_nothing_where_the_number_of_pages_is_unknown(read, reported):
    assert len(read(ParsedDocument(Pages(3)))) == 3
    assert reported == []


def test_refuses_too_many_pages_before_reading_the_first(read):
    pages = Pages(6)
    with pytest.raises(UserError, match="has 6 pages") as caught:
        read(ParsedDocument(pages, page_count=6))
    assert (caught.value.code, pages.read) == ("user.too_many_pages", 0)


def test_stops_reading_at_the_first_page_over_the_limit(read):
    pages = Pages(1000)
    with pytest.raises(UserError, match="has more than 5 pages") as caught:
        read(ParsedDocument(pages))
    assert (caught.value.code, pages.read) == ("user.too_many_pages", 6)


def test_accepts_exactly_the_limit(read):
    assert len(read(ParsedDocument(Pages(5)))) == 5
    assert len(read(ParsedDocument(Pages(5), page_count=5))) == 5


def test_pages_that_show_records_are_not_limited(read):
    assert len(read(ParsedDocument(Pages(8), page_count=8, records=[]))) == 8
