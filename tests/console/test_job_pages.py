"""The job pages: the list, and the buttons that pause and cancel."""

from __future__ import annotations

import pytest

from tests.console.pages import text

pytestmark = pytest.mark.slow


def test_jobs_are_filtered_and_name_what_they_work_on(company, everything):
    client = company.client("viewer")
    curated = text(client.get("/jobs?kind=curation"))
    assert "社内規程, version 1" in curated
    assert "旅費規程.txt" not in curated
    assert "No job matches" in text(client.get("/jobs?state=failed"))


def test_cancelling_returns_to_the_page_of_the_button(company):
    version = company.version(company.dataset(), company.document(), state="building")
    client = company.client("editor")
    here = version.get_absolute_url()
    answer = client.post(f"/jobs/{version.job_id}/cancel", {"next": here})
    assert answer.headers["Location"] == here
    away = client.post(f"/jobs/{version.job_id}/cancel", {"next": "https://elsewhere.example/"})
    assert away.headers["Location"] == f"/jobs/{version.job_id}"
    page = text(client.get(f"/jobs/{version.job_id}"))
    assert 'data-state="cancelled"' in page
    assert "sse-connect" not in page


def test_pausing_a_job_that_cannot_pause_is_refused_with_a_sentence(company):
    version = company.version(company.dataset(), company.document(), state="building")
    client = company.client("editor")
    answer = client.post(f"/jobs/{version.job_id}/pause", follow=True)
    assert "A job of this kind cannot be paused" in answer.content.decode()
