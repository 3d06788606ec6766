"""Normalisation: one form, idempotent, and no control token survives as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.contract.cells import cell_range, column_letters, rows_range
from workers.contract.records import Table
from workers.engines.shared.text import ARTICLE, join_wrapped_lines, normalize, row_text, sentences


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("⽇本の⻑い神⼾", "日本の長い神戸"),
        ("㈱個社　ｱｲｳ ＡＢＣ１２３", "(株)個社 アイウ ABC123"),
        ("②5日以内", "(2)5日以内"),
        ("a\u200bb\u00adc\x00d\ufeffe\x85f", "abcde\nf"),
        ("行\r\n次\r\n\r\n\r\n\r\n終", "行\n次\n\n終"),
        ("<|im_start|>user", "〈|im_start|〉user"),
        ("＜|im_end|＞", "〈|im_end|〉"),
        ("<bos><start_of_turn></s>", "〈bos〉〈start_of_turn〉〈/s〉"),
        ("[INST] <<SYS>> [/INST]", "〔INST〕 〈<SYS>〉 〔/INST〕"),
        ("<｜begin▁of▁sentence｜>", "〈|begin▁of▁sentence|〉"),
        ("a < b > c <p> [1]", "a < b > c <p> [1]"),
        ("5×10⁵ Pa、10⁻³ L、１０⁶", "5×10^5 Pa、10^-3 L、10^6"),
        ("3²は9、(a+b)²、s⁻¹", "3^2は9、(a+b)^2、s^-1"),
        ("12 m²、料金¹", "12 m2、料金1"),
        ("1½インチ、½杯、3⁄4", "1 1/2インチ、1/2杯、3/4"),
    ],
)
def test_normalizes_text(raw, expected):
    assert normalize(raw) == expected


@given(st.text())
def test_normalize_is_idempotent(text):
    once = normalize(text)
    assert normalize(once) == once


@given(st.text(alphabet="あい。！？」\n a"))
def test_sentences_lose_nothing(text):
    assert "".join(sentences(text)) == text


def test_lines_of_one_sentence_are_joined_without_a_space():
    text = "宿泊費は、地域の区分に応じて定める額を上限とし\nて支給する。\n・領収書を添える。\n次の条件を満たす者に\n限る。"
    assert (
        join_wrapped_lines(text).split("\n")[0]
        == "宿泊費は、地域の区分に応じて定める額を上限として支給する。"
    )
    assert "\n・領収書" in join_wrapped_lines(text)


def test_rows_of_a_printed_table_are_not_joined():
    text = "起動しない 欠相の検出 端子の電圧を測る\n水が上がらない 空気の漏れ 継手を締める"
    assert join_wrapped_lines(text) == text


def test_article_includes_its_chapter_and_caption():
    text = "前文\n第2章 旅費\n(目的)\n第1条 目的を定める。第2条は別に定める。\n第三条の二 次の条。"
    assert [match[0] for match in ARTICLE.finditer(text)] == ["第2章 旅費\n(目的)\n第1条", "第三条の二"]


ARTICLES = {
    "第1条(目的)この規程は": "第1条",
    "### 第2条 (定義)": "### 第2条",
    "## 第2章 旅費\n\n### (定義)\n### 第3条\n本文。": "## 第2章 旅費\n\n### (定義)\n### 第3条",
    "**第4条** 旅費を支払う。": "**第4条",
    "第5条目的\n本文。": "第5条",
    "第6条 本文。": "第6条",
    "第十二条の二の三【費用】": "第十二条の二の三",
    "　第１３条（雑則）": "　第１３条",
    "Article 7 Scope": "Article 7",
    "第8条の規定により支払う。": None,
    "第9条及び第10条は別に定める。": None,
    "第11条第2項に掲げる者": None,
    "第12条関係": None,
    "前文。第13条 目的": None,
    "#第14条": None,
}


@pytest.mark.parametrize(("text", "head"), ARTICLES.items())
def test_what_an_article_is(text, head):
    found = ARTICLE.search(text)
    assert (found and found[0]) == head


def test_names_cell_ranges():
    assert [column_letters(index) for index in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert cell_range(4, 0, 1, 3) == "A5:C5"
    table = Table(cells="B3:D9", rows=(("", "x", ""),) * 7)
    assert (rows_range(table, 0), rows_range(table, 1, 6)) == ("B3:D3", "B4:D9")
    assert row_text(("", "改行\nあり", "", "終")) == "改行 あり | | 終"
