"""A passage is found on its page word for word, as the page is shown; rows of tables by their cells."""

from __future__ import annotations

import pytest

from common.storage import artifact_path
from documents.locating import NO_PAGES, locate, pages_of
from documents.places import Passage
from tests.model_server_double import hit, leaving
from tests.world import World
from workers.contract.records import Page, Table
from workers.contract.specs.serving import SearchHit
from workers.engines.shared.personal_data import find

RULES = (
    "第1条(目的)\n詳細は別に定める。\n"
    "第2条(休暇)\n休暇は10日とする。\n当番は090-1234-5678へ届け出る。\n詳細は別に定める。"
)
SECOND = RULES[RULES.index("第2条") :]


@pytest.fixture
def place(world: World):
    """Where a passage of the document stands, or a quote of it, with what stands there on its page."""
    document = world.document("規程.txt", RULES)
    page = {"document_id": document.id, "revision_id": document.current_revision_id, "number": 1}

    def located(text: str, quote: str = "", *, mode: str = "raw") -> tuple[Passage, str]:
        found = SearchHit.model_validate(leaving(hit(text, spans=find(text), **page), mode))
        pages = pages_of(document.organization_id, [found])
        passage = locate(found, pages, quote)
        shown = next(iter(pages.values()))["text"]
        return passage, shown[passage.start : passage.end]

    return located


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        (RULES, "休暇は10日とする。"),
        (SECOND, ""),
        (SECOND, "第2条(休暇)"),
        ("第2条(休暇)\n休暇は10日とする。", "休暇は10日とする。"),
        # A part of a long article begins with the article's head, which stands further up.
        ("第1条(目的)\n休暇は10日とする。", "第1条(目的)"),
        ("第1条(目的)\n休暇は10日とする。", "休暇は10日とする。"),
    ],
)
def test_a_quote_stands_on_its_page_word_for_word(place, text, quote):
    passage, shown = place(text, quote)
    assert shown == (quote or text) and passage.personal_data == "raw"


def test_of_a_sentence_that_is_repeated_the_one_of_the_passage_is_meant(place):
    first, second = (place(text, "詳細は別に定める。")[0].start for text in (RULES, SECOND))
    assert (first, second) == (RULES.index("詳細"), RULES.rindex("詳細"))


def test_a_masked_passage_is_found_in_the_masked_page(place):
    passage, shown = place(SECOND, "当番は〔電話番号〕へ届け出る。", mode="masked")
    assert shown == "当番は〔電話番号〕へ届け出る。" and passage.personal_data == "masked"


def test_what_the_page_does_not_have_has_no_place(place):
    assert place("別の規程の本文。")[0] == Passage()
    assert locate(SearchHit.model_validate(hit("本文")), NO_PAGES) == Passage()


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("sheet", "型式: KP-2\n納期: 9日", Passage(cells="A2:B2")),
        ("page", "型式: KP-2\n納期: 9日", Passage(cells="A2:B2", table=1)),
        ("page", "型式: KP-9\n納期: 1日", Passage()),
    ],
)
def test_a_row_is_named_by_its_cells_and_on_a_page_by_its_table(world, kind, text, expected):
    tables = tuple(
        Table(cells="A1:B2", rows=(("型式", "納期"), (name, days)))
        for name, days in (("KP-1", "3日"), ("KP-2", "9日"))
    )
    folder = artifact_path(world.organization.id, "pages", "rev_1")
    folder.mkdir(parents=True)
    page = Page(kind=kind, number=2, text="表", tables=tables)
    (folder / "pages.jsonl").write_text(page.model_dump_json() + "\n", encoding="utf-8")
    found = SearchHit.model_validate(
        leaving(hit(text, kind=kind, number=2, cells="A2:B2", revision_id="rev_1"), "raw")
    )
    assert locate(found, pages_of(world.organization.id, [found])) == expected
