"""The numbers and codes of a text, however they are written."""

from __future__ import annotations

import pytest

from workers.contract.stated_facts import codes, is_stated, stated_facts


@pytest.mark.parametrize(
    "texts",
    [
        ("3,000円", "３，０００円", "三千円", "3千円", "3000円です"),
        ("120万円", "1,200,000円", "百二十万円"),
        ("6か月", "６ヶ月", "六箇月", "6カ月間"),
        ("KP-220", "ＫＰ－２２０", "kp220", "KP_220"),
        ("2025年10月1日", "二〇二五年十月一日"),
        ("3人", "三名"),
        ("60℃", "60度"),
        ("9:00", "9"),
    ],
)
def test_one_fact_has_one_form(texts):
    assert len({stated_facts(text) for text in texts}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "一般の社員は十分に注意する。",
        "万一のときは一度中止する。",
        "第三者に一部を渡す。",
        "1. 手順\n2) 確認",
    ],
)
def test_words_with_numerals_and_list_numbers_state_nothing(text):
    assert not stated_facts(text)


def test_codes_are_told_from_numbers_with_units():
    assert codes("E09のとき、AVP-320は60km/hで3Aです。USB3.0") == {"e09", "avp320", "usb3.0"}


@pytest.mark.parametrize(
    ("claim", "passage", "supported"),
    [
        ("3日です", "第3条 休暇は5日とする。", False),
        ("5日です", "第3条 休暇は5日とする。", True),
        ("3,000円", "日当: 3000", True),
        ("E06", "E09は盤内温度の上昇", False),
        ("09", "E09は盤内温度の上昇", False),
        ("8時間", "8時に始まる", False),
        ("10日間", "10日とする", True),
        ("1.5倍", "1.25倍または2.5倍", False),
    ],
)
def test_a_claim_needs_the_same_number_with_the_same_unit(claim, passage, supported):
    stated = stated_facts(passage)
    assert all(is_stated(fact, stated) for fact in stated_facts(claim)) is supported
