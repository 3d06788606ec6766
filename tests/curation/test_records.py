"""The records of a dataset version in the API and on the console's pages, with where each comes from."""

from __future__ import annotations

import pytest

from curation.selectors import dropped_path, entries, lines, records_path
from tests.world import ORIGIN, SOURCE
from workers.contract.records import (
    DroppedRecord,
    GeneratedOrigin,
    ImportedOrigin,
    PairRecord,
    Span,
    TextRecord,
    WrittenOrigin,
)

SPAN = Span(source=SOURCE, start=0, end=4)
ORIGINS = {
    "document": ORIGIN,
    "written": WrittenOrigin(pair_id="pair_1", author_id="user_1"),
    "generated": GeneratedOrigin(pair_id="pair_2", generator="gemma", span=SPAN),
    "imported": ImportedOrigin(dataset="JSQuAD 1.3", row=7),
}


@pytest.fixture
def version(world):
    """A version with one pair of each origin, and one dropped unit."""
    version = world.dataset_version()
    pairs = [
        PairRecord(id=type_, question=f"{type_}?", answer="答え", origin=origin)
        for type_, origin in ORIGINS.items()
    ]
    records_path(version).write_text("".join(pair.model_dump_json() + "\n" for pair in pairs))
    return version


def test_lines_are_read_page_by_page(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text("a\nb\nc\n")
    assert lines(path, after=0, limit=2) == ([(1, "a\n"), (2, "b\n")], True)
    assert lines(path, after=2, limit=2) == ([(3, "c\n")], False)
    assert lines(path, after=9, limit=2) == ([], False)


def test_an_entry_names_its_line_and_its_place_in_a_document(tmp_path):
    path = tmp_path / "dropped.jsonl"
    dropped = DroppedRecord(step="noise", reason="symbols", text="＊", origin=ORIGIN)
    path.write_text(dropped.model_dump_json() + "\n")
    [entry], has_more = entries(path, after=0, limit=5)
    assert (entry["line"], entry["source"]["document_id"], has_more) == (1, "file-1", False)
    assert entry["origin"] == {"type": "document", "source": entry["source"]}


def test_the_api_keeps_the_source_and_adds_the_origin(api, version):
    path = f"datasets/{version.dataset_id}/versions/{version.id}"
    records = api.get(f"{path}/records").ok["data"]
    assert [record["origin"]["type"] for record in records] == list(ORIGINS)
    assert records[0]["source"] == SOURCE.model_dump(mode="json")
    assert [record["source"] is None for record in records] == [False, True, False, True]
    [dropped] = api.get(f"{path}/dropped").ok["data"]
    assert dropped["source"] == dropped["origin"]["source"] == SOURCE.model_dump(mode="json")


def test_the_page_links_to_the_document_or_says_where_a_record_comes_from(world, version):
    path = f"/datasets/{version.dataset_id}/versions/{version.id}/records"
    page = world.browser().get(path).content.decode()
    assert page.count('href="/documents/file-1?page=1&amp;revision=rev_1#page-1"') == 2
    assert "written by a person" in page
    assert "from an imported dataset" in page
    assert "担当者が作成" in world.browser(language="ja").get(path).content.decode()


def test_the_dropped_page_shows_step_reason_and_place(world, version):
    page = (
        world.browser().get(f"/datasets/{version.dataset_id}/versions/{version.id}/dropped").content.decode()
    )
    assert "Drop noise" in page and "mostly symbols" in page
    assert 'href="/documents/file-1?page=1&amp;revision=rev_1#page-1"' in page


@pytest.mark.parametrize("tab", ["records", "dropped"])
def test_a_page_continues_after_the_line_in_its_address(world, version, tab):
    line = TextRecord(id="t", text="本文", origin=ORIGIN).model_dump_json()
    if tab == "dropped":
        line = DroppedRecord(step="noise", reason="symbols", text="本文", origin=ORIGIN).model_dump_json()
    path = records_path(version) if tab == "records" else dropped_path(version)
    path.write_text(f"{line}\n" * 25)
    url = f"/datasets/{version.dataset_id}/versions/{version.id}/{tab}"
    first = world.browser().get(url)
    assert [entry["line"] for entry in first.context["entries"]] == list(range(1, 21))
    assert 'href="?after=20"' in first.content.decode()
    rest = world.browser().get(url, {"after": "20"})
    assert [entry["line"] for entry in rest.context["entries"]] == list(range(21, 26))
    unreadable = world.browser().get(url, {"after": "x"})
    assert unreadable.context["entries"] == first.context["entries"]
