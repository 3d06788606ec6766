"""Pages are cut into units of training text."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import pages, sentence, sheet, texts_of
from workers.contract.specs.curation import Recipe
from workers.contract.specs.curation_steps import SegmentStep, SplitStep


def test_articles_become_units_across_page_breaks(source, curated):
    first = f"規程\n{sentence(1)}\n第1章 総則\n第1条 {sentence(2)}\n第2条 宿泊費は実費を上限まで"
    second = f"支給する。{sentence(3)}\n第2章 雑則\n第3条 {sentence(4)}"
    _, records, _ = curated(source("rule", pages(first, second)))
    assert texts_of(records) == [
        f"規程\n{sentence(1)}",
        f"第1章 総則\n第1条 {sentence(2)}",
        f"第2条 宿泊費は実費を上限まで支給する。{sentence(3)}",
        f"第2章 雑則\n第3条 {sentence(4)}",
    ]
    assert [record["origin"]["source"]["number"] for record in records] == [1, 1, 1, 2]


def test_articles_of_markdown_are_units(source, curated):
    articles = [f"### 第{number}条 (目的{number})\n{sentence(number)}" for number in (1, 2, 3)]
    _, records, _ = curated(source("rule", pages("\n".join(articles), kind="section")))
    assert texts_of(records) == articles


@pytest.mark.parametrize("longest", [50, 80, 300])
def test_no_unit_exceeds_the_limit_and_no_text_is_lost(source, curated, longest):
    text = "第1条 " + "".join(sentence(seed) for seed in range(40)) + "あ" * 200 + "。"
    recipe = Recipe(steps=(SegmentStep(max_characters=longest), SplitStep()))
    _, records, _ = curated(source("long", pages(text)), recipe=recipe)
    assert max(map(len, texts_of(records))) <= longest
    assert "".join(texts_of(records)) == text


def test_prose_is_cut_at_the_end_of_a_paragraph(source, curated):
    paragraphs = ["".join(sentence(10 * p + s) for s in range(5)) for p in range(4)]
    _, records, _ = curated(source("prose", pages("\n".join(paragraphs), kind="section")))
    assert texts_of(records) == ["\n".join(paragraphs[:2]), "\n".join(paragraphs[2:])]


def test_sheet_rows_are_grouped_under_their_header(source, curated):
    rows = [["品番", "品名"], *[[f"K-{i:03}", sentence(i)] for i in range(30)]]
    _, records, _ = curated(source("parts", sheet([["部品表"]], rows)))
    assert [record["origin"]["source"]["cells"] for record in records] == ["A3:B26", "A27:B33"]
    assert all(text.startswith("部品表\n品番 | 品名\nK-") for text in texts_of(records))
