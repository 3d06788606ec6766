"""Tables of questions and answers become pairs, and each pair gets a supporting passage."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import pages, sheet, texts_of


def test_pairs_keep_cells_short_answers_and_leave_no_text_behind(source, curated):
    faq = [
        ["よくある質問", "", "", ""],
        ["No", "ご質問", "回答", "短答"],
        ["1", "締切りはいつですか?", "毎月25日です。", "25日 / 二十五日"],
        ["2", "速度は?", "時速60kmです。", "60 km/h"],
        ["3", "内線は?", "3799です。", "3,799"],
        ["4", "未定ですか?", "", ""],
    ]
    result, records, dropped = curated(source("faq", sheet(faq)))
    pairs = [record for record in records if record["type"] == "pair"]
    assert [pair["question"] for pair in pairs] == ["締切りはいつですか?", "速度は?", "内線は?"]
    assert [pair["accepted"] for pair in pairs] == [["25日", "二十五日"], ["60 km/h"], ["3,799", "3799"]]
    assert pairs[0]["origin"]["source"]["cells"] == "A3:D3"
    assert (dropped[0]["reason"], dropped[0]["origin"]["source"]["cells"]) == ("incomplete_pair", "A6:D6")
    assert not any("締切り" in text for text in texts_of(records))
    assert (result.pairs, result.records) == (3, 0)


@pytest.mark.parametrize("header", [["Question", "Answer"], ["Q", "A"], ["お問い合わせ内容", "回答内容"]])
def test_finds_question_and_answer_columns_in_both_languages(source, curated, header):
    result, *_ = curated(source("faq", sheet([header, ["いつですか", "明日です"]])))
    assert result.pairs == 1


def test_a_table_about_something_else_gives_no_pairs(source, curated):
    result, *_ = curated(
        source("t", sheet([["品名", "この列の質問は総務までお寄せください"], ["ねじ", "回答なし"]]))
    )
    assert result.pairs == 0


def test_contexts_come_from_the_best_passage_with_the_answer(source, curated):
    rule = "第1条 出張の日当は一日三千円とする。\n第2条 宿泊費の上限は一泊12,500円とする。\n第3条 出張の日当は海外では13日を限度とする。"
    faq = sheet(
        [
            ["質問", "回答", "短答"],
            ["海外出張の日当は何日が限度ですか", "13日が限度です", "13日"],
            ["月の重さは?", "不明", ""],
        ]
    )
    _, records, _ = curated(source("rule", pages(rule)), source("faq", faq))
    contexts = [record["context"] for record in records if record["type"] == "pair"]
    assert contexts == ["第3条 出張の日当は海外では13日を限度とする。", ""]
