"""Short answers of a pair that is dropped as a repetition go to the pair that is kept, where it has none."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import sheet
from workers.contract.specs.curation import DEFAULT_RECIPE, Recipe
from workers.contract.specs.curation_steps import (
    ExactDuplicateStep,
    NearDuplicateStep,
    NormalizeStep,
    PersonalDataStep,
    QuestionAnswerStep,
    SegmentStep,
    SplitStep,
)

QUESTION = "出張のときの日当は一日あたりいくらですか"
ANSWER = (
    "国内の出張では一日あたり三千円を支給し、出張の翌月の給与と合わせて本人の指定した口座に振り込みます。"
)
NEARLY = ANSWER.replace("では", "では、")
HEADER = ["質問", "回答", "短答"]


def faq(*rows: tuple[str, str]):
    """Each row: an answer to the one question, and its short answer."""
    return sheet([HEADER, *([QUESTION, answer, short] for answer, short in rows)])


CASES = {
    # The short answers of the first and of the later documents; those of the pair that is kept.
    "a later pair has them": (["", "三千円"], ["三千円"]),
    "the kept pair has its own": (["3,000円", "三千円"], ["3,000円"]),
    "nobody has any": (["", ""], []),
    "the first that has any gives them": (["", "", "三千円", "3千円"], ["三千円"]),
}


@pytest.mark.parametrize(("shorts", "kept"), CASES.values(), ids=CASES)
def test_the_kept_pair_has_short_answers(source, curated, shorts, kept):
    documents = [source(f"faq{n}", faq((ANSWER, short))) for n, short in enumerate(shorts)]
    _, records, dropped = curated(*documents)
    assert [record["accepted"] for record in records] == [kept]
    assert records[0]["origin"]["source"]["document_name"] == "faq0"
    assert len(dropped) == len(shorts) - 1


def test_they_pass_through_a_pair_that_is_dropped_in_its_turn(source, curated):
    """The second is nearly the first; the third is the second, and alone has a short answer."""
    documents = [("a", ANSWER, ""), ("b", NEARLY, ""), ("c", NEARLY, "三千円")]
    _, records, dropped = curated(*(source(name, faq((answer, short))) for name, answer, short in documents))
    assert [(record["answer"], record["accepted"]) for record in records] == [(ANSWER, ["三千円"])]
    assert {entry["reason"] for entry in dropped} == {"exact_duplicate", "near_duplicate"}


def test_what_a_later_step_would_have_masked_is_not_passed_by_it(source, curated):
    steps = (QuestionAnswerStep(), SegmentStep(), ExactDuplicateStep(), PersonalDataStep(), SplitStep())
    documents = [source("a", faq((ANSWER, ""))), source("b", faq((ANSWER, "taro@example.com")))]
    _, records, _dropped = curated(*documents, recipe=Recipe(steps=steps))
    assert [record["accepted"] for record in records] == [[]]


def test_the_order_of_the_records_stays(source, curated):
    others = [["有給休暇は何日ですか", "十日です。", ""], ["制服は支給されますか", "支給されます。", ""]]
    first = sheet([HEADER, [QUESTION, ANSWER, ""], *others])
    _, records, _dropped = curated(source("a", first), source("b", faq((ANSWER, "三千円"))))
    assert [record["question"] for record in records] == [QUESTION, *(row[0] for row in others)]
    assert [record["accepted"] for record in records] == [["三千円"], [], []]


def test_the_default_recipe_changes_no_text_after_it_has_dropped_repetitions():
    types = [type(step) for step in DEFAULT_RECIPE.steps]
    changing = [types.index(step) for step in (NormalizeStep, PersonalDataStep)]
    assert max(changing) < min(types.index(ExactDuplicateStep), types.index(NearDuplicateStep))
