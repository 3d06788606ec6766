from __future__ import annotations

import pytest

from workers.engines.shared.ngrams import character_ngrams


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("有給休暇", 2, ["有給", "給休", "休暇"]),
        ("ああああ", 3, ["あああ", "あああ"]),
        ("有給", 2, ["有給"]),
        ("有", 2, []),
        ("", 1, []),
    ],
)
def test_runs_of_characters_in_order_with_repetitions(text: str, size: int, expected: list[str]) -> None:
    assert character_ngrams(text, size) == expected
