"""What a citation quotes of its passage."""

from __future__ import annotations

import pytest

from chat.citations import MAXIMUM_QUOTE, citations
from tests.model_server_double import hit
from workers.contract.specs.serving import SearchHit

LONG = "長" * MAXIMUM_QUOTE


@pytest.mark.parametrize(
    ("text", "cells", "answer", "quote"),
    [
        (
            "職位: 部長\n宿泊料上限: 14,000円\n座席: 指定席",
            "A2:C2",
            "宿泊料の上限は14,000円です。",
            "職位: 部長\n宿泊料上限: 14,000円",
        ),
        ("部長\n宿泊料上限: 14,000円", "A2:B2", "宿泊料の上限は14,000円です。", "部長\n宿泊料上限: 14,000円"),
        (
            "質問: 上限はいくらですか?\n回答: 14,000円です。",
            "A2:B2",
            "14,000円です。",
            "回答: 14,000円です。",
        ),
        ("質問: 宿泊料の上限\n回答: 14,000円です。", "A2:B2", "14,000円です。", "回答: 14,000円です。"),
        (
            "分類: 旅費\n質問: 上限は?\n回答: 14,000円です。",
            "A2:C2",
            "14,000円です。",
            "回答: 14,000円です。",
        ),
        (
            "第1条 旅費を払う。\n上限は14,000円とする。",
            None,
            "上限は14,000円です。",
            "上限は14,000円とする。",
        ),
        (
            f"職位: 部長\n備考: {LONG}\n上限: 14,000円",
            "A2:C2",
            "上限: 14,000円",
            f"職位: 部長\n備考: {LONG}"[:MAXIMUM_QUOTE],
        ),
    ],
)
def test_the_quote_of_a_row_has_its_key(text: str, cells: str | None, answer: str, quote: str) -> None:
    passage = SearchHit.model_validate(hit(text, cells=cells))
    assert citations(answer, [passage])[0]["file_citation"]["quote"] == quote
    assert quote in text
