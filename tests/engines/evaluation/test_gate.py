"""Figures from items, and the gate's verdict on them."""

from __future__ import annotations

import pytest

from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, GateRule, judge
from workers.contract.specs.measurement import Bootstrap, Difference, Estimate
from workers.contract.specs.tasks.bits_per_character import TextBits, TextItem
from workers.contract.specs.tasks.declaration import Item
from workers.contract.specs.tasks.question_answering import Book, GradedAnswer, QuestionItem
from workers.engines.evaluation.figures import compute_figures

BOOTSTRAP = Bootstrap(samples=500)
BITS, OPEN, CLOSED = "bits_per_character", "open_book_accuracy", "closed_book_accuracy"


def text(number: int, base: float, tuned: float | None) -> TextItem:
    bits = {BASE: base, TUNED: tuned}
    results = {name: TextBits(bits=value, tokens=5) for name, value in bits.items() if value is not None}
    return TextItem(record_id=f"t{number}", characters=10 + number, results=results)


def asked(number: int, base: bool, tuned: bool | None, book: Book = "open") -> QuestionItem:
    rights = {BASE: base, TUNED: tuned}
    results = {
        name: GradedAnswer(text="x", right=right, overlap=0)
        for name, right in rights.items()
        if right is not None
    }
    return QuestionItem(record_id=f"p{number}", book=book, question="q", reference="r", results=results)


def figures(items: list[Item], bootstrap: Bootstrap = BOOTSTRAP) -> dict[str, dict[str, Estimate]]:
    """`base`, `tuned` and `differences`, each by metric."""
    found, differences = compute_figures(items, [(TUNED, BASE)], bootstrap)
    return {
        **{name: {e.metric: e for e in found if e.candidate == name} for name in (BASE, TUNED)},
        "differences": {each.metric: each for each in differences},
    }


def difference(value: float, low: float, high: float, items: int = 20) -> Estimate:
    return Estimate(value=value, low=low, high=high, items=items)


def judged(gate, by_metric: dict[str, Estimate | None]):
    differences = [
        Difference(
            task=BITS if metric == BITS else "question_answering",
            metric=metric,
            candidate=TUNED,
            baseline=BASE,
            **estimate.model_dump(),
        )
        for metric, estimate in by_metric.items()
        if estimate
    ]
    return judge(gate, differences)


GOOD_BITS = difference(-0.2, -0.3, -0.1)
EQUAL = difference(0, -0.1, 0.1)


def test_divides_all_bits_by_all_characters():
    found = figures([text(0, 20, 10), text(10, 20, 10)])
    assert found[BASE][BITS].value == pytest.approx(40 / 30)
    assert found["differences"][BITS].value == pytest.approx(-20 / 30)


def test_paired_interval_detects_small_steady_gain():
    # Texts differ wildly, the gain is the same tenth of a bit for each character of every text.
    items = [text(n, (10 + n) * (1 + n % 7), (10 + n) * (1 + n % 7) - 0.1 * (10 + n)) for n in range(30)]
    found = figures(items)
    base, gain = found[BASE][BITS], found["differences"][BITS]
    assert base.high - base.low > 0.5
    assert (gain.low, gain.high) == (pytest.approx(-0.1), pytest.approx(-0.1))


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    items = [text(n, n + 1, n * 0.9) for n in range(12)]
    assert figures(items) == figures(items)
    assert figures(items) != figures(items, Bootstrap(samples=500, seed=1))


def test_accuracy_of_only_right_answers_has_wilsons_interval():
    accuracy = figures([asked(n, True, None) for n in range(10)])[BASE][OPEN]
    # Wilson's interval for 10 of 10 at 95 %.
    assert (accuracy.value, accuracy.high) == (1, 1)
    assert accuracy.low == pytest.approx(0.7225, abs=1e-4)


def test_single_candidate_has_no_differences():
    found = figures([text(0, 5, None), asked(1, True, None)])
    assert found[TUNED] == found["differences"] == {}
    assert list(found[BASE]) == [BITS, OPEN]


def test_difference_uses_items_of_both_candidates():
    found = figures([text(0, 20, 10), text(1, 20, None)])
    assert (found[BASE][BITS].items, found[TUNED][BITS].items) == (2, 1)
    assert (found["differences"][BITS].value, found["differences"][BITS].items) == (-1, 1)


def test_measures_open_and_closed_book_separately():
    items = [asked(1, False, True, "open"), asked(1, True, False, "closed")]
    differences = figures(items)["differences"]
    assert (differences[OPEN].value, differences[CLOSED].value) == (1, -1)


def test_the_default_gate_passes_a_better_model():
    verdict = judged(DEFAULT_GATE, {BITS: GOOD_BITS, OPEN: EQUAL})
    assert verdict.verdict == "passed"
    assert [outcome.reason for outcome in verdict.outcomes] == ["better_beyond_interval", "not_worse"]


@pytest.mark.parametrize(
    ("bits", "accuracy", "verdict", "reason"),
    [
        (difference(-0.2, -0.5, 0.01), EQUAL, "inconclusive", "within_interval"),
        (difference(-0.2, -0.5, 0.0), EQUAL, "inconclusive", "within_interval"),
        (difference(0.2, -0.1, 0.5), EQUAL, "inconclusive", "within_interval"),
        (difference(0.2, 0.1, 0.3), EQUAL, "failed", "worse"),
        (difference(-0.2, -0.3, -0.1, items=4), EQUAL, "inconclusive", "too_few_items"),
        (None, EQUAL, "inconclusive", "not_measured"),
        (GOOD_BITS, difference(-0.01, -0.2, 0.2), "failed", "worse"),
        (GOOD_BITS, None, "inconclusive", "not_measured"),
    ],
)
def test_only_a_measured_loss_fails_and_only_a_measured_gain_passes(bits, accuracy, verdict, reason):
    given = judged(DEFAULT_GATE, {BITS: bits, OPEN: accuracy})
    assert given.verdict == verdict
    assert [outcome.reason for outcome in given.outcomes if outcome.verdict != "passed"] == [reason]


def test_a_loss_weighs_more_than_what_is_undecided():
    assert judged(DEFAULT_GATE, {BITS: difference(0.2, 0.1, 0.3)}).verdict == "failed"


def test_beyond_the_interval_follows_the_direction():
    rule = GateRule(
        task="question_answering", metric=OPEN, direction="higher", require="better_beyond_interval"
    )
    gate = DEFAULT_GATE.model_copy(update={"rules": (rule,)})
    assert judged(gate, {OPEN: difference(0.2, 0.1, 0.3)}).verdict == "passed"
    assert judged(gate, {OPEN: difference(0.2, -0.1, 0.3)}).verdict == "inconclusive"


def test_another_pair_than_the_gate_names_is_not_measured():
    gate = DEFAULT_GATE.model_copy(update={"candidate": "another"})
    verdict = judged(gate, {BITS: GOOD_BITS, OPEN: EQUAL})
    assert [outcome.reason for outcome in verdict.outcomes] == ["not_measured", "not_measured"]
