"""The buttons of the job pages."""

from __future__ import annotations

import pytest

from jobs.models import Job
from tests.world import World


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


def test_a_viewer_may_press_no_button(world: World):
    job, browser = world.training_run().job, world.browser("viewer")
    for button in ("pause", "resume", "cancel"):
        assert browser.post(f"/jobs/{job.id}/{button}").status_code == 403
    assert Job.objects.get(pk=job.id).state == "queued"
