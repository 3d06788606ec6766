"""Tables of questions and answers become pairs, and each pair gets a supporting passage."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import pages, sheet, texts_of
from workers.contract.records import RECORD


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


LABELLED = """お問い合わせの多い内容をまとめました。
質問：在宅勤務は週に何日までですか。
回答：週3日までです。

ただし育児中の社員は週4日までです。
Q2. 申請はいつまでですか?
A2. 前日の17時まで
です。
短答：17時/前日の17時

【質問】承認者は
誰ですか
【回答】所属長です。
■ その他
質問: 未回答の質問ですか"""


def test_labelled_lines_become_pairs_and_nothing_is_lost(source, curated):
    result, records, _ = curated(source("faq", pages(LABELLED)))
    pairs = {r["question"]: (r["answer"], r["accepted"]) for r in records if r["type"] == "pair"}
    assert pairs == {
        "在宅勤務は週に何日までですか。": ("週3日までです。\n\nただし育児中の社員は週4日までです。", []),
        "申請はいつまでですか?": ("前日の17時まで\nです。", ["17時", "前日の17時"]),
        "承認者は\n誰ですか": ("所属長です。", []),
    }
    text = "\n".join(texts_of(records))
    assert "お問い合わせの多い内容" in text and "未回答の質問ですか" in text
    assert "承認者" not in text and "週3日" not in text
    assert result.pairs == 3


@pytest.mark.parametrize(
    "text",
    [
        "A. 概要\nB. 詳細を次に示します。",
        "回答: 別紙のとおりとし、担当者がご案内します。",
        "質問は総務部までお寄せください。\n回答は翌日にお送りします。",
        "質問: 何時ですか\n# 別の章\n回答: 章が違います。",
    ],
)
def test_lines_about_something_else_stay_text(source, curated, text):
    result, records, _ = curated(source("note", pages(text)))
    assert result.pairs == 0
    assert "".join(texts_of(records)).replace("\n", "") == text.replace("\n", "")


def test_a_pair_of_an_ordinary_sheet_is_its_own_passage(source, curated):
    faq = sheet([["質問", "回答"], ["食堂は何時までですか", "14時までです。"]])
    _, records, _ = curated(source("faq", faq))
    (pair,) = [RECORD.validate_python(record) for record in records if record["type"] == "pair"]
    assert (pair.context, pair.accepted) == ("", ())
    assert pair.passage == "質問: 食堂は何時までですか\n回答: 14時までです。"
