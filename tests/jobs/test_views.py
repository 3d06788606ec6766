"""The buttons of the job pages."""

from __future__ import annotations

import pytest

from jobs.models import Job
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("buttons", "state"),
    [
        (["pause"], "paused"),
        (["pause", "resume"], "queued"),
        (["cancel"], "cancelled"),
        # Refused with a message.
        (["cancel", "resume"], "cancelled"),
        (["cancel", "pause"], "cancelled"),
    ],
)
def test_a_button_moves_the_job_and_returns_to_its_page(world: World, buttons, state):
    job, browser = world.training_run().job, world.browser("editor")
    for button in buttons:
        answer = browser.post(f"/jobs/{job.id}/{button}")
        assert (answer.status_code, answer.headers["Location"]) == (302, job.get_absolute_url())
    assert Job.objects.get(pk=job.id).state == state


def test_a_list_offers_to_stop_what_waits_and_asks_first(world: World):
    job, browser = world.training_run().job, world.browser("editor")
    stop = f"/jobs/{job.id}/cancel?next=/jobs"
    page = browser.get("/jobs").content.decode()
    assert f'href="{stop}"' in page and "Number 1 in line" in page
    asked = browser.get(stop).content.decode()
    assert "Stop this job?" in asked and 'value="/jobs"' in asked
    assert Job.objects.get(pk=job.id).state == "queued"
    assert browser.post(stop, {"next": "/jobs"}).headers["Location"] == "/jobs"
    assert Job.objects.get(pk=job.id).state == "cancelled"
    assert browser.get(stop).headers["Location"] == job.get_absolute_url()
    assert f'href="{stop}"' not in browser.get("/jobs").content.decode()


def test_the_question_leads_back_to_pages_of_this_site_only(world: World):
    job, browser = world.training_run().job, world.browser("editor")
    for elsewhere in ("https://elsewhere.example/", "javascript:alert(1)", "//elsewhere.example"):
        page = browser.get(f"/jobs/{job.id}/cancel", {"next": elsewhere}).content.decode()
        assert "elsewhere" not in page.split("<main")[1] and "javascript:" not in page


def test_a_viewer_is_offered_no_stop(world: World):
    job = world.training_run().job
    browser = world.browser("viewer")
    assert "/cancel" not in browser.get("/jobs").content.decode()
    assert browser.get(f"/jobs/{job.id}/cancel").status_code == 403


def test_a_viewer_may_press_no_button(world: World):
    job, browser = world.training_run().job, world.browser("viewer")
    for button in ("pause", "resume", "cancel"):
        assert browser.post(f"/jobs/{job.id}/{button}").status_code == 403
    assert Job.objects.get(pk=job.id).state == "queued"
