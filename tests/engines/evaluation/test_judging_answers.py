"""An answer without accepted short forms is judged by its words and by its numbers and codes."""

from __future__ import annotations

import pytest

from workers.engines.evaluation.scoring import is_right

REFERENCE = "在宅勤務の申請は前日の17時までに所属長へ行います。"


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("申請は前日の17時までに所属長へ行います。", True),
        ("在宅勤務の申請は前日の十七時までに所属長へ行います。", True),
        ("在宅勤務の申請は前日の15時までに所属長へ行います。", False),
        ("在宅勤務の申請は前日までに所属長へ行います。", False),
        ("17時", False),
    ],
)
def test_needs_the_words_and_the_numbers(answer, right):
    assert is_right(answer, REFERENCE, (), 0.5) is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [("はい、発行できます。", True), (REFERENCE, True), ("発行しません。", False)],
)
def test_the_whole_reference_is_right_also_where_short_answers_are_accepted(answer, right):
    assert is_right(answer, REFERENCE, ("発行できます",), 0.5) is right
