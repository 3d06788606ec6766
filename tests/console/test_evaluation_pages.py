"""The evaluation pages: starting one, its verdict, and browsing its items."""

from __future__ import annotations

import pytest

from tests.console.test_release_pages import release_form

pytestmark = pytest.mark.slow


def test_an_evaluation_is_started_with_the_default_suite(products, company):
    version = products.dataset_version()
    model = products.model(version)
    answer = company.client().post("/evaluations/new", {"model": model.name, "dataset_version": version.id})
    assert answer.status_code == 302
    with company.scope():
        evaluation = model.evaluations.get()
        assert str(evaluation.suite) == "Default suite"


def test_a_failed_gate_is_explained_and_forbids_a_release(products, company):
    version = products.dataset_version()
    model = products.model(version)
    evaluation = products.evaluation(model, version, better=False)
    client = company.client()
    page = client.get(evaluation.get_absolute_url()).content.decode()
    assert "It is worse than the base model." in page
    form = client.get("/releases/new").content.decode()
    assert "It did not pass its gate" in form
    answer = client.post("/releases/new", release_form(model.name))
    assert answer.status_code == 200 and "model" in answer.context["form"].errors


@pytest.mark.parametrize(
    ("query", "shown"),
    [("kind=open", 20), ("kind=open&start=20", 20), ("kind=text", 20), ("kind=open&changed=1", 13)],
)
def test_items_are_browsed_by_kind(everything, company, query, shown):
    page = company.client().get(f"{everything['evaluation'].get_absolute_url()}/items?{query}")
    items = page.context["shown"].items
    assert len(items) == shown
    task = "bits_per_character" if "text" in query else "question_answering"
    assert {shown.item.task for shown in items} == {task}
