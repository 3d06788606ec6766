"""The dataset pages: making a dataset, building a version, and what it kept and dropped."""

from __future__ import annotations

import re

import pytest

from jobs.models import Job
from tests.console.pages import text
from tests.console.products import move

pytestmark = pytest.mark.slow


def test_a_version_is_previewed_before_it_is_built(company):
    company.document()
    company.document("暗号.pdf", state="error")
    client = company.client("editor")
    made = client.post("/datasets/new", {"name": "社内規程", "description": "", "recipe": ""})
    preview = text(client.get(made.headers["Location"]))
    assert "Documents in this version" in preview
    assert "Mask personal data" in preview
    assert "could not be read" in preview
    built = client.post(made.headers["Location"], {"heldout_percent": "20"})
    page = text(client.get(built.headers["Location"]))
    assert "cancel-build" in page
    assert "every 2s" in page
    with company.scope():
        assert Job.objects.get(kind="curation").spec["heldout_share"] == 0.2


def test_a_name_that_is_taken_is_refused_at_its_field(company):
    company.dataset("社内規程")
    client = company.client("editor")
    twice = client.post("/datasets/new", {"name": "社内規程", "recipe": ""})
    assert twice.status_code == 400
    assert "A dataset of this name exists" in twice.content.decode()
    assert "errorlist" in twice.content.decode()


def test_a_build_without_documents_is_refused(company):
    dataset = company.dataset()
    refused = company.client("editor").post(f"/datasets/{dataset.id}/build", {"heldout_percent": "10"})
    assert refused.status_code == 400


def test_a_version_shows_what_was_kept_dropped_and_masked(company, everything):
    page = text(company.client("viewer").get(everything["version"].get_absolute_url()))
    for words in ["Drop near-duplicates", "nearly the same as another", "telephone numbers", "<rect"]:
        assert words in page


def test_records_link_to_their_page_and_are_paged(company):
    document = company.document()
    version = company.version(company.dataset(), document)
    client = company.client("viewer")
    first = text(client.get(f"{version.get_absolute_url()}/records"))
    assert (
        f'href="/documents/{document.id}?page=2&amp;revision={document.current_revision_id}#page-2"' in first
    )
    assert "?after=20" in first
    second = text(client.get(f"{version.get_absolute_url()}/records?after=20"))
    assert "記録24の本文" in second
    assert "記録2の本文" not in second
    assert "nearly the same as another" in text(client.get(f"{version.get_absolute_url()}/dropped"))


@pytest.mark.parametrize(
    ("state", "job_state", "shown"),
    [
        ("building", "queued", "queued"),
        ("building", "running", "building"),
        ("building", "cancelling", "cancelling"),
        ("failed", "queued", "failed"),
        ("cancelled", "queued", "cancelled"),
    ],
)
def test_a_version_without_figures_is_listed_in_its_state(company, state, job_state, shown):
    version = company.version(company.dataset(), company.document(), state=state)
    with company.scope():
        move(version.job, job_state)
    client = company.client()
    assert f'data-state="{shown}"' in text(client.get(f"/datasets/{version.dataset_id}"))
    assert f'data-state="{shown}"' in text(client.get(version.get_absolute_url()))
    assert client.get(f"{version.get_absolute_url()}/records").status_code == 409


def test_short_answers_of_a_pair_are_shown(company, everything):
    page = text(company.client("viewer", "ja").get(f"{everything['version'].get_absolute_url()}/records"))
    assert "短答：" in page and "10日、十日" in page


def test_a_repetition_says_so_in_a_sentence_and_leads_to_the_record_that_was_kept(company):
    document = company.document()
    version = company.version(company.dataset(), document)
    client = company.client("viewer", "ja")
    page = text(client.get(f"{version.get_absolute_url()}/dropped"))
    assert "残したレコードとほぼ同じ内容です。" in page
    assert "like 0" not in page
    link = re.search(r'href="([^"]+/records\?after=4#(record-0+3))"', page)
    assert link is not None
    assert (
        page.count(
            f'href="/documents/{document.id}?page=2&amp;revision={document.current_revision_id}#page-2"'
        )
        == 2
    )
    shown = text(client.get(link[1]))
    assert f'id="{link[2]}"' in shown and "記録3の本文" in shown
