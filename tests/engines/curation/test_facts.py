"""Near-duplicates are dropped only where they state the same."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import pages, texts_of

TEMPLATE = (
    "ポンプ KP-110 の標準納期は、ご注文の確定日から数えて10営業日です。在庫がある場合は、午前中の受付分に限り翌営業日に"
    "工場から出荷します。塗装色の指定、特別な材質、立会検査を伴うご注文は、営業担当が別に納期をお知らせします。見積書の"
    "作成は、担当の田中工場が2025年4月1日から受け付けます。屋外に置くことができます。保証は三年とし、温度は1.5度以内とする。"
)
DIFFERENT = {
    "a number": ("10営業日", "12営業日"),
    "a code": ("KP-110", "KP-120"),
    "a letter of a code": ("KP-110", "KQ-110"),
    "a date": ("4月1日", "4月11日"),
    "a name": ("田中工場", "田村工場"),
    "a negation": ("できます", "できません"),
    "作成 and 編集": ("作成", "編集"),
    "作成 and 削除": ("作成", "削除"),
    "a kanji numeral": ("三年", "五年"),
    "a decimal point": ("1.5度", "15度"),
    "a limit": ("以内", "以上"),
    "a particle": ("日から受け", "日まで受け"),
    "before and after noon": ("午前中", "午後"),
    "a minus sign": ("1.5度", "-1.5度"),
    "an exception more": ("立会検査を伴う", "立会検査を伴わない"),
    "a sentence less": ("屋外に置くことができます。", ""),
}
SAME = {
    "punctuation": ("です。在庫", "です.在庫"),
    "quotation marks": ("標準納期は", "「標準納期」は"),
    "a line break": ("出荷します。", "出荷します。\n"),
    "width and case": ("KP-110", "ｋｐ-110"),
    "politeness": ("10営業日です", "10営業日である"),
    "spelling": ("ご注文の確定日から", "ご注文の確定日から、"),
    "grouped digits": ("翌営業日に", "翌営業日に、"),
}


@pytest.mark.parametrize(("old", "new"), DIFFERENT.values(), ids=DIFFERENT)
def test_texts_that_state_something_else_are_both_kept(source, curated, old, new):
    other = TEMPLATE.replace(old, new)
    assert other != TEMPLATE
    _, records, dropped = curated(source("a", pages(TEMPLATE)), source("b", pages(other)))
    assert (len(texts_of(records)), dropped) == (2, [])


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_texts_that_state_the_same_are_kept_once(source, curated, old, new):
    other = TEMPLATE.replace(old, new)
    assert other != TEMPLATE
    _, records, dropped = curated(source("a", pages(TEMPLATE)), source("b", pages(other)))
    assert texts_of(records) == [TEMPLATE]
    assert dropped[0]["reason"] in ("exact_duplicate", "near_duplicate")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1、2号機", "12号機"),
        ("9:30", "930"),
        ("3/4", "34"),
        ("(1)2日", "12日"),
        ("1 12", "11 2"),
        ("A-1", "A1"),
        ("1・2月", "12月"),
        ("○ | ×", "× | ○"),
        ("提出する", "提出される"),
        ("なります", "なりません"),
        ("さくら支店", "ひまわり支店"),
        ("a:\n  b: 1", "a:\nb: 1"),
    ],
)
def test_keys_that_must_differ(one, other):
    from workers.engines.curation.facts import facts_key

    assert facts_key(one) != facts_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12,500円です。", "12500円である"),
        ("3ヶ月", "3か月"),
        ("又は", "または"),
        ("提出します。", "提出する"),
        ("**重要** 「押印」", "重要 押印"),
    ],
)
def test_keys_that_are_one(one, other):
    from workers.engines.curation.facts import facts_key

    assert facts_key(one) == facts_key(other)
