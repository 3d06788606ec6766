"""Every form sums up its errors before everything else, each with a link to the field that it concerns."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.console.company import Company

pytestmark = pytest.mark.slow

FORMS = {
    "a dataset": ("/datasets/new", {}),
    "a version of no documents": ("/datasets/{version.dataset_id}/build", {"mode": "named"}),
    "a version of a contradictory choice": (
        "/datasets/{version.dataset_id}/build",
        {"mode": "rule", "document": "file-1", "heldout_percent": "10"},
    ),
    "a version of a wrong share": ("/datasets/{version.dataset_id}/build", {"heldout_percent": "80"}),
    "a training": ("/training/new", {"warmup_share": "9"}),
    "an evaluation": ("/evaluations/new", {}),
    "a release": ("/releases/new", {"max_tokens": "-1"}),
    "a knowledge base": ("/knowledge/new", {}),
    "a schedule": ("/schedules/new", {}),
    "a schedule that exists": ("/schedules/{schedule.id}/edit", {}),
    "a key": ("/settings/keys/create", {}),
    "an invitation": ("/settings/members/invite", {}),
    "a password": ("/account/password", {}),
}


@pytest.fixture
def things(products):
    """What the paths name."""
    version = products.dataset_version()
    return {"version": version, "schedule": products.schedule(version)}


@pytest.mark.parametrize(("path", "given"), FORMS.values(), ids=FORMS)
def test_the_errors_are_summed_up_with_a_link_to_each_field(things, company: Company, path, given):
    answer = company.client().post(path.format(**things), {"sent": "by a page", **given})
    page = answer.content.decode()
    main = page.partition("<main")[2]
    summary, _, rest = main.partition('role="alert"')[2].partition("</div></div>")
    assert "autofocus" in summary
    assert "<form" not in main.partition('role="alert"')[0]
    targets = re.findall(r'<li><a href="#([^"]+)">', summary)
    assert targets
    for target in targets:
        assert f'id="{target}"' in rest


def test_the_sign_in_page_has_the_summary_too(db):
    page = Client().post("/sign-in", {"username": "", "password": ""}).content.decode()
    assert 'role="alert"' in page and 'href="#id_username"' in page


@pytest.mark.parametrize(
    ("language", "given", "choice"),
    [
        ("en", {}, "Every document that has been read"),
        ("en", {"search": "txt"}, "Every document that matches"),
        ("ja", {}, "読み取り済みのすべての文書"),
        ("ja", {"search": "txt"}, "条件に合うすべての文書"),
    ],
)
def test_the_message_about_no_documents_uses_the_words_of_the_choice(
    things, company: Company, language, given, choice
):
    path = f"/datasets/{things['version'].dataset_id}/build"
    page = company.client(language=language).post(path, {"mode": "named", **given}).content.decode()
    label = re.search(r'value="rule"[^>]*><span>([^<:：]+)', page)
    assert label is not None and label[1] == choice
    summary = page.partition('role="alert"')[2].partition("</div></div>")[0]
    assert choice in summary
