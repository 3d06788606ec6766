"""The evaluation pages: the list, the form, the figures with their verdict, and the items."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from curation.models import DatasetVersion
from evaluations.models import Evaluation
from evaluations.services import evaluation_create
from jobs.models import Job
from registry.models import ModelVersion
from tests.evaluations.test_api import ITEMS, RESULT
from tests.world import World, fail, finish
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, judge
from workers.contract.specs.tasks.question_answering import GradedAnswer, QuestionItem

pytestmark = pytest.mark.slow


@pytest.fixture
def browser(world: World) -> Client:
    return world.browser()


def started(world: World, version: ModelVersion | None = None) -> Evaluation:
    version = version or world.model_version()
    return evaluation_create(
        suite=world.suite(),
        dataset_version=DatasetVersion.objects.get(pk=version.dataset_version_id),
        base_model=version.base_model,
        model_version=version,
        actor=world.actor,
    )


def measured(world: World, *, passed: bool = False, items=ITEMS, differences=None) -> Evaluation:
    evaluation = started(world)
    verdict = judge(DEFAULT_GATE, RESULT.differences if differences is None else differences)
    if passed:
        verdict = verdict.model_copy(update={"verdict": "passed"})
    result = RESULT.model_copy(update={"gate": verdict})
    finish(evaluation.job, result, {"items.jsonl": "".join(item.model_dump_json() + "\n" for item in items)})
    return Evaluation.objects.get(pk=evaluation.pk)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


# -- list ---------------------------------------------------------------------------------------------
def test_an_empty_list_says_what_to_do_first(browser):
    page = text_of(browser.get("/evaluations"))
    assert "No evaluation yet" in page and "/evaluations/new" in page


def test_the_list_links_to_each_evaluation(browser, world):
    ended, running = measured(world), started(world)
    answer = browser.get("/evaluations")
    page = text_of(answer)
    assert ended.get_absolute_url() in page and running.get_absolute_url() in page
    assert answer.context["is_live"]


# -- form ---------------------------------------------------------------------------------------------
def test_the_form_takes_what_the_address_names(browser, world):
    version = world.model_version()
    answer = browser.get(
        "/evaluations/new", {"model": version.name, "dataset_version": version.dataset_version_id}
    )
    assert answer.context["form"].initial == {
        "model": version.name,
        "dataset_version": version.dataset_version_id,
    }
    assert "suite" not in answer.context["form"].fields


def test_the_form_starts_an_evaluation_and_shows_it(browser, world):
    version, suite = world.model_version(), world.suite()
    given = {"model": version.name, "dataset_version": version.dataset_version_id, "suite": suite.id}
    answer = browser.post("/evaluations/new", given)
    evaluation = Evaluation.objects.get()
    assert (answer.status_code, answer.url) == (302, evaluation.get_absolute_url())
    assert (evaluation.suite, evaluation.model_version) == (suite, version)


def test_the_form_measures_a_base_model_alone(browser, world):
    version = world.dataset_version()
    base = world.base_model()
    assert (
        browser.post("/evaluations/new", {"model": base.name, "dataset_version": version.id}).status_code
        == 302
    )
    evaluation = Evaluation.objects.get()
    assert (evaluation.base_model, evaluation.model_version) == (base, None)
    assert str(evaluation.suite) == "Default suite"
    with translation.override("ja"):
        assert str(evaluation.suite) == "標準の評価セット"


def test_a_refusal_stands_in_the_form(browser, world):
    base, empty = world.base_model(), world.dataset_version(heldout_records=0, heldout_pairs=0)
    answer = browser.post("/evaluations/new", {"model": base.name, "dataset_version": empty.id})
    assert "This dataset version holds nothing out to measure on" in text_of(answer)
    assert not Evaluation.objects.exists() and not Job.objects.filter(kind="evaluation").exists()


@pytest.mark.parametrize("change", [{"model": "x"}, {"dataset_version": "dsv_x"}, {"model": ""}], ids=str)
def test_the_form_refuses_what_it_does_not_offer(browser, world, change):
    version = world.model_version()
    given = {"model": version.name, "dataset_version": version.dataset_version_id, **change}
    answer = browser.post("/evaluations/new", given)
    assert set(answer.context["form"].errors) == set(change)
    assert not Evaluation.objects.exists()


# -- one evaluation -----------------------------------------------------------------------------------
def test_a_page_shows_figures_intervals_and_the_verdict(browser, world):
    evaluation = measured(world)
    answer = browser.get(evaluation.get_absolute_url())
    page = text_of(answer)
    for words in (
        "Base vs fine-tuned",
        "Bits per character",
        "Open-book accuracy",
        "It is worse than the base",
    ):
        assert words in page
    assert "Closed-book accuracy" not in page
    bits, accuracy = answer.context["figures"]
    assert [str(bar.label) for bar in bits.bars] == ["Base", "Fine-tuned"]
    assert [(bar.value, bar.low, bar.high) for bar in bits.bars] == [(3.5, 3, 4), (2.5, 2, 3)]
    # The interval of the second difference includes 0.
    assert (bits.is_better, accuracy.is_better, accuracy.is_share) == (True, None, True)
    assert [rule.verdict for rule in answer.context["rules"]] == ["passed", "failed"]
    assert "/releases/new" not in page


UNCERTAIN = {"en": "difference uncertain", "ja": "差は不確か"}


@pytest.mark.parametrize("language", UNCERTAIN)
@pytest.mark.parametrize(("low", "high", "times"), [(0.1, 0.5, 0), (-0.1, 0.5, 2), (0.0, 0.5, 2)])
def test_a_difference_whose_interval_includes_0_is_called_uncertain(
    browser, world, language, low, high, times
):
    """Beside the figure and beside the rule, which holds all the same: it asks only that nothing got worse."""
    bits, accuracy = RESULT.differences
    differences = [bits, accuracy.model_copy(update={"value": 0.2, "low": low, "high": high, "items": 40})]
    evaluation = measured(world, differences=differences)
    Evaluation.objects.filter(pk=evaluation.pk).update(
        result={**evaluation.result, "differences": [each.model_dump(mode="json") for each in differences]}
    )
    browser.cookies["django_language"] = language
    answer = browser.get(evaluation.get_absolute_url())
    assert text_of(answer).count(UNCERTAIN[language]) == times
    assert answer.context["figures"][1].is_better is (None if times else True)
    assert [rule.verdict for rule in answer.context["rules"]] == ["passed", "passed"]


def test_a_passed_gate_offers_a_release(browser, world):
    page = text_of(browser.get(measured(world, passed=True).get_absolute_url()))
    assert "/releases/new?model=" in page


def test_what_was_not_measured_is_inconclusive_with_reason_remedy_and_button(browser, world):
    bits = [each for each in RESULT.differences if each.task == "bits_per_character"]
    evaluation = measured(world, differences=bits)
    answer = browser.get(evaluation.get_absolute_url())
    page = text_of(answer)
    for words in ("Inconclusive", "It was not measured.", "Add a sheet with the columns 質問 and 回答"):
        assert words in page
    assert '<a class="button small" href="/documents">Add a question sheet</a>' in page
    assert [rule.verdict for rule in answer.context["rules"]] == ["passed", "inconclusive"]
    assert "/releases/new" not in page and "Not passed" not in page
    assert "Inconclusive" in text_of(browser.get("/evaluations"))
    form = text_of(browser.get("/releases/new"))
    assert "Its evaluation did not decide the gate" in form and evaluation.get_absolute_url() in form


def test_too_few_texts_lead_to_holding_out_more(browser, world):
    few = [each.model_copy(update={"items": 3}) for each in RESULT.differences]
    evaluation = measured(world, differences=few)
    build = f"/datasets/{evaluation.dataset_version.dataset_id}/build"
    assert f'href="{build}">Hold out more</a>' in text_of(browser.get(evaluation.get_absolute_url()))
    assert browser.get(build).status_code == 200


def test_a_page_shows_a_run_that_has_not_ended_or_has_failed(browser, world):
    evaluation = started(world)
    answer = browser.get(evaluation.get_absolute_url())
    assert answer.context["is_moving"] and not answer.context["figures"]
    fail(evaluation.job, "evaluation.user.no_heldout_data")
    answer = browser.get(evaluation.get_absolute_url())
    assert not answer.context["is_moving"]
    assert "The dataset holds nothing that was held out from training." in text_of(answer)


def test_an_evaluation_of_another_organization_is_absent(browser, world):
    with World("other") as other:
        evaluation = other.evaluation(other.model_version())
    for address in (evaluation.get_absolute_url(), f"{evaluation.get_absolute_url()}/items"):
        assert browser.get(address).status_code == 404


# -- items --------------------------------------------------------------------------------------------
def question(number: int, base: bool, tuned: bool) -> QuestionItem:
    answers = {BASE: base, TUNED: tuned}
    return QuestionItem(
        record_id=f"p{number}",
        book="open",
        question=f"質問{number}",
        reference="2,500円です。",
        results={
            name: GradedAnswer(text="2,500円" if right else "不明", right=right, overlap=0, cut_off=not right)
            for name, right in answers.items()
        },
    )


def test_texts_are_shown_with_the_bits_of_each_candidate(browser, world):
    page = text_of(browser.get(f"{measured(world).get_absolute_url()}/items?kind=text"))
    assert "Base (bits)" in page and "Fine-tuned (bits)" in page
    assert "規程.pdf" in page and ">35<" in page and ">25<" in page


def test_questions_are_shown_with_the_answer_of_each_candidate(browser, world):
    page = text_of(
        browser.get(f"{measured(world, items=[question(1, True, False)]).get_absolute_url()}/items")
    )
    for words in ("質問1", "2,500円です。", "Base", "Fine-tuned", "(cut off at the limit)"):
        assert words in page


def test_items_are_filtered_and_turned_page_by_page(browser, world):
    asked = [question(n, base=True, tuned=n % 2 == 0) for n in range(50)]
    address = f"{measured(world, items=[*ITEMS[:1], *asked]).get_absolute_url()}/items"

    def shown(**query: Any) -> tuple[list[str], int | None]:
        screen = browser.get(address, query).context["shown"]
        return [one.item.record_id for one in screen.items], screen.next_start

    assert shown() == ([f"p{n}" for n in range(20)], 20)
    assert shown(start=40) == ([f"p{n}" for n in range(40, 50)], None)
    assert shown(changed=1) == ([f"p{n}" for n in range(1, 41, 2)], 20)
    assert shown(kind="closed") == ([], None)
    assert shown(kind="text") == (["t"], None)
    assert shown(kind="x", start="-1") == shown()


def test_an_evaluation_without_items_shows_an_empty_page(browser, world):
    page = text_of(browser.get(f"{started(world).get_absolute_url()}/items"))
    assert "Nothing to show" in page
