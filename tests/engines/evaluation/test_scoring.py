"""Right and wrong answers: spelling does not matter, numbers do."""

from __future__ import annotations

import pytest

from workers.engines.evaluation.scoring import canonical, contains, is_right, overlap


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("１０日です。", "10日"),
        ("有給休暇は 10 日 付与されます", "10日"),
        ("日当は¥2,500円とする", "2500円"),
        ("「総務部」、", "総務部"),
        ("係数は1.5倍です", "1.5倍"),
        ("VPNを使います", "vpn"),
        ("9時〜18時", "9時~18時"),
    ],
)
def test_spelling_variants_are_right(answer, accepted):
    assert contains(answer, accepted)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("210日です", "10日"),
        ("100", "10"),
        ("2.10倍", "10倍"),
        ("1.5", "1"),
        ("第3、10日", "310日"),
        ("総務課", "総務部"),
        ("何でも", ""),
        ("何でも", "。"),
    ],
)
def test_other_answers_are_wrong(answer, accepted):
    assert not contains(answer, accepted)


def test_canonical_keeps_numbers_apart():
    assert canonical("3、 10日") == "3 10日"


def test_accepted_strings_decide_alone():
    assert is_right("10日", "年次有給休暇は10日です", ["10日"], threshold=0.99)
    assert not is_right("年次有給休暇は11日です", "年次有給休暇は10日です", ["10日"], threshold=0.1)


def test_overlap_decides_without_accepted_strings():
    assert overlap("上長の承認を得る。", "上長の承認を得る") == 1
    assert overlap("", "上長") == overlap("天気", "上長") == 0
    # "abc" has ab, bc; "abd" has ab, bd: one of two in common each way.
    assert overlap("abc", "abd") == pytest.approx(0.5)
    assert is_right("abc", "abd", [], threshold=0.5)
    assert not is_right("abc", "abd", [], threshold=0.51)
