"""Which quantity a question asks for, and whether a text states one of its kind."""

from __future__ import annotations

import pytest

from workers.contract.stated_facts import asked_units, is_stated, stated_facts, states_one_of


@pytest.mark.parametrize(
    ("question", "units"),
    [
        ("日当はいくらですか?", {"円"}),
        ("有給休暇は何日前までに届けますか", {"日"}),
        ("試用期間は何ヶ月ですか", {"か月"}),
        ("定員は何名ですか", {"人"}),
        ("営業は何時から何時までですか", {"時"}),
        ("在宅勤務は何時間まで、手当はいくら?", {"時間", "円"}),
        ("いくらか前払いできますか", set()),
        ("何度も申請できますか", set()),
        ("何を調べればよいですか", set()),
    ],
)
def test_the_units_that_a_question_asks_for(question, units):
    assert asked_units(question) == units


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("円", "1日につき3,000円です。", True),
        ("円", "三千円とする。", True),
        ("円", "定価: 892,000", True),
        ("円", "8時間以上の場合に支給します。", False),
        ("人", "20名までです。", True),
        ("時", "9:00から17:30まで。", True),
    ],
)
def test_a_text_states_a_quantity_of_a_unit(unit, text, expected):
    assert states_one_of({unit}, text) is expected


@pytest.mark.parametrize(
    ("label", "fact", "expected"),
    [
        ("定価(円、税別): 312,000", "312,000円です。", True),
        ("定価（円、税別）: 312,000", "312,000です。", True),
        ("定価(円、税別): 312,000", "312,000 kgです。", False),
        ("標準納期(営業日): 45", "45営業日です。", True),
        ("標準納期(営業日): 45", "45か月です。", False),
        ("数量: 45", "45台です。", True),
    ],
)
def test_a_number_has_the_unit_of_its_label(label, fact, expected):
    (stated,) = stated_facts(fact)
    assert is_stated(stated, stated_facts(f"型式: 標準\n{label}\n備考: なし")) is expected
