"""What pages say of attempts that failed, and of a pause with and without a checkpoint."""

from __future__ import annotations

import pytest

from jobs.models import Job
from jobs.retries import retry_text
from jobs.services import job_requeue
from tests.world import World, begin, move_by_sql

pytestmark = pytest.mark.slow

FAILURES = {
    "training.system.lost": ({"losses": 1}, "The process or its machine was lost"),
    "training.system.out_of_memory": ({"failures_since_checkpoint": 1}, "The memory did not suffice."),
    "training.system.of_another_release": ({"losses": 1}, "It failed because of an internal error."),
}


@pytest.mark.parametrize(("code", "told"), FAILURES.items(), ids=FAILURES)
def test_a_job_that_is_tried_again_says_why_and_how_often(world: World, code: str, told) -> None:
    counters, sentence = told
    run, browser = world.training_run(), world.browser()
    assert retry_text(run.job) == ""
    assert job_requeue(job=begin(run.job), reason=code, **counters)
    for page in (run.get_absolute_url(), run.job.get_absolute_url()):
        shown = browser.get(page).content.decode()
        assert f"{sentence}" in shown and "Attempts that failed without progress: 1." in shown
    assert "Attempts that failed" not in browser.get("/").content.decode()
    assert job_requeue(job=begin(run.job), reason=code, **dict.fromkeys(counters, 2))
    home = browser.get("/").content.decode().partition("Needs your attention")[2].partition("</section>")[0]
    assert sentence in home and "Attempts that failed without progress: 2." in home
    move_by_sql(run.job, "cancelled")
    assert retry_text(Job.objects.get(pk=run.job_id)) == ""


@pytest.mark.parametrize(
    ("step", "sentence"),
    [(None, "It starts from the beginning when you resume it."), (7, "the checkpoint of step 7")],
)
def test_a_paused_run_says_from_where_it_continues(world: World, step: int | None, sentence: str) -> None:
    run = world.training_run()
    move_by_sql(run.job, "paused")
    Job.objects.filter(pk=run.job_id).update(checkpoint_step=step)
    for page in (run.get_absolute_url(), run.job.get_absolute_url()):
        assert sentence in world.browser().get(page).content.decode()
