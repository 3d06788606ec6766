"""Figures from items, and the gate's verdict on them."""

from __future__ import annotations

import pytest

from workers.contract.specs.gate import DEFAULT_GATE, GateRule, judge
from workers.contract.specs.measurement import Answer, AnswerItem, Bootstrap, Difference, TextItem, recompute

BOOTSTRAP = Bootstrap(samples=500)


def text(number: int, base: float, tuned: float | None) -> TextItem:
    return TextItem(
        record_id=f"t{number}", characters=10 + number, tokens=5, base_bits=base, tuned_bits=tuned
    )


def asked(number: int, base: bool, tuned: bool | None, book: str = "open") -> AnswerItem:
    def given(right: bool) -> Answer:
        return Answer(text="x", right=right, overlap=0)

    return AnswerItem(
        record_id=f"p{number}", book=book, question="q", reference="r",
        base=given(base), tuned=None if tuned is None else given(tuned),
    )  # fmt: skip


def difference(value: float, low: float, high: float, items: int = 20) -> Difference:
    return Difference(value=value, low=low, high=high, items=items)


GOOD_BITS = difference(-0.2, -0.3, -0.1)
EQUAL = difference(0, -0.1, 0.1)


def test_bits_are_all_bits_over_all_characters():
    figures = recompute([text(0, 20, 10), text(10, 20, 10)], BOOTSTRAP)
    assert figures.base["bits_per_character"].value == pytest.approx(40 / 30)
    assert figures.differences["bits_per_character"].value == pytest.approx(-20 / 30)


def test_pairing_makes_a_small_but_steady_gain_visible():
    # Texts differ wildly, the gain is the same tenth of a bit for each character of every text.
    items = [text(n, (10 + n) * (1 + n % 7), (10 + n) * (1 + n % 7) - 0.1 * (10 + n)) for n in range(30)]
    figures = recompute(items, BOOTSTRAP)
    base = figures.base["bits_per_character"]
    gain = figures.differences["bits_per_character"]
    assert base.high - base.low > 0.5
    assert (gain.low, gain.high) == (pytest.approx(-0.1), pytest.approx(-0.1))


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    items = [text(n, n + 1, n * 0.9) for n in range(12)]
    assert recompute(items, BOOTSTRAP) == recompute(items, BOOTSTRAP)
    assert recompute(items, BOOTSTRAP) != recompute(items, Bootstrap(samples=500, seed=1))


def test_accuracy_has_an_honest_interval_at_the_end_of_the_scale():
    accuracy = recompute([asked(n, True, None) for n in range(10)], BOOTSTRAP).base["open_book_accuracy"]
    # Wilson's interval for 10 of 10 at 95 %.
    assert (accuracy.value, accuracy.high) == (1, 1)
    assert accuracy.low == pytest.approx(0.7225, abs=1e-4)


def test_without_a_tuned_model_there_is_nothing_to_compare():
    figures = recompute([text(0, 5, None), asked(1, True, None)], BOOTSTRAP)
    assert figures.tuned is None
    assert figures.differences == {}
    assert set(figures.base) == {"bits_per_character", "open_book_accuracy"}


def test_books_are_kept_apart():
    items = [asked(1, False, True, "open"), asked(1, True, False, "closed")]
    figures = recompute(items, BOOTSTRAP)
    assert figures.differences["open_book_accuracy"].value == 1
    assert figures.differences["closed_book_accuracy"].value == -1


def test_the_default_gate_passes_a_better_model():
    verdict = judge(DEFAULT_GATE, {"bits_per_character": GOOD_BITS, "open_book_accuracy": EQUAL})
    assert verdict.passed
    assert [outcome.reason for outcome in verdict.outcomes] == ["better_beyond_interval", "not_worse"]


@pytest.mark.parametrize(
    ("bits", "accuracy", "reason"),
    [
        (difference(-0.2, -0.5, 0.01), EQUAL, "within_interval"),
        (difference(-0.2, -0.5, 0.0), EQUAL, "within_interval"),
        (difference(0.2, 0.1, 0.3), EQUAL, "worse"),
        (difference(-0.2, -0.3, -0.1, items=4), EQUAL, "too_few_items"),
        (None, EQUAL, "not_measured"),
        (GOOD_BITS, difference(-0.01, -0.2, 0.2), "worse"),
        (GOOD_BITS, None, "not_measured"),
    ],
)
def test_the_default_gate_stops_everything_else(bits, accuracy, reason):
    given = {"bits_per_character": bits, "open_book_accuracy": accuracy}
    verdict = judge(DEFAULT_GATE, {name: value for name, value in given.items() if value})
    assert not verdict.passed
    assert [outcome.reason for outcome in verdict.outcomes if not outcome.passed] == [reason]


def test_beyond_the_interval_follows_the_direction():
    rule = GateRule(metric="open_book_accuracy", direction="higher", require="better_beyond_interval")
    gate = DEFAULT_GATE.model_copy(update={"rules": (rule,)})
    assert judge(gate, {"open_book_accuracy": difference(0.2, 0.1, 0.3)}).passed
    assert not judge(gate, {"open_book_accuracy": difference(0.2, -0.1, 0.3)}).passed
