from __future__ import annotations

import pytest
from pydantic import ValidationError

from workers.contract.records import Page, Table
from workers.contract.specs.retrieval import Chunking, RetrievalSource
from workers.engines.retrieval.chunking import passages_of
from workers.engines.retrieval.pieces import split_text

SOURCE = RetrievalSource(
    document_id="d", revision_id="r", document_name="規程.pdf", pages_path="unused", groups=("everyone",)
)
CHUNKING = Chunking(max_characters=80, overlap=20)


def test_articles_are_passages_of_their_own() -> None:
    text = "第1章 総則\n第1条（目的）\nこの規則は就業を定める。\n第２条（定義）\n従業員とは本条による。\n第三条 雑則"
    assert split_text(text, CHUNKING) == [
        "第1章 総則",
        "第1条（目的）\nこの規則は就業を定める。",
        "第２条（定義）\n従業員とは本条による。",
        "第三条 雑則",
    ]


@pytest.mark.parametrize("mark", ["", "### "])
def test_an_article_has_its_caption_and_its_mark(mark: str) -> None:
    articles = [
        f"{mark}(目的)\n第1条 規則を定める。",
        f"{mark}第2条(定義)\n本条による。",
        f"{mark}第3条\n雑則。",
    ]
    assert split_text("\n".join(articles), CHUNKING) == articles
    long = f"{mark}(休暇)\n第5条\n" + "".join(f"休暇の規定その{n}は次のとおりとする。" for n in range(12))
    assert all(piece.startswith(f"{mark}(休暇)\n第5条\n") for piece in split_text(long, CHUNKING))


def test_an_article_mentioned_inside_a_sentence_does_not_divide_it() -> None:
    text = "退職金は第12条の定めにより、第13条の例外を除いて支払う。"
    assert split_text(text, CHUNKING) == [text]


def test_a_long_article_is_cut_at_sentences_and_repeats_its_head() -> None:
    text = "第5条（休暇）\n" + "".join(f"休暇の規定その{number}は次のとおりとする。" for number in range(12))
    pieces = split_text(text, CHUNKING)
    assert len(pieces) > 2
    assert all(piece.startswith("第5条（休暇）\n") and piece.endswith("。") for piece in pieces)
    assert all(len(piece) <= CHUNKING.max_characters for piece in pieces)


def test_prose_is_cut_at_sentence_ends_with_whole_sentences_shared() -> None:
    sentences = [f"これは番号{number}の文です。" for number in range(20)]
    pieces = split_text("".join(sentences), CHUNKING)
    assert all(piece.endswith("。") for piece in pieces)
    assert all(any(sentence in piece for piece in pieces) for sentence in sentences)
    assert any(sentence in pieces[0] and sentence in pieces[1] for sentence in sentences)


def test_text_without_any_boundary_is_still_cut() -> None:
    pieces = split_text("あ" * 500, CHUNKING)
    assert max(map(len, pieces)) <= CHUNKING.max_characters


def test_rows_of_a_sheet_name_their_columns_and_cells() -> None:
    table = Table(
        cells="B3:D5",
        rows=(("質問", "回答", "短答"), ("有給は？", "10日です。", ""), ("昼は？", "12時。", "12時")),
    )
    page = Page(kind="sheet", number=2, label="FAQ", text="質問 回答 …", tables=(table,))
    first, second = passages_of(SOURCE, [page], CHUNKING)
    assert (first.text, first.source.cells) == ("質問: 有給は？\n回答: 10日です。", "B4:D4")
    assert (second.text, second.source.cells) == ("質問: 昼は？\n回答: 12時。\n短答: 12時", "B5:D5")
    assert (second.source.kind, second.source.number, second.source.label) == ("sheet", 2, "FAQ")


def test_a_first_row_of_numbers_is_no_header() -> None:
    table = Table(cells="A1:B2", rows=(("2024", "1,200円"), ("2025", "1,300円")))
    page = Page(kind="sheet", number=1, text="", tables=(table,))
    assert [passage.source.cells for passage in passages_of(SOURCE, [page], CHUNKING)] == ["A1:B1", "A2:B2"]


def test_a_text_repeated_on_a_page_is_one_passage_but_on_two_pages_two() -> None:
    pages = [Page(kind="page", number=number, text="第1条 同じ\n第1条 同じ") for number in (1, 2)]
    assert [passage.source.number for passage in passages_of(SOURCE, pages, CHUNKING)] == [1, 2]


def test_overlap_of_more_than_half_is_refused() -> None:
    with pytest.raises(ValidationError, match="half"):
        Chunking(max_characters=100, overlap=51)
