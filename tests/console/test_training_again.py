"""A training that made no model is started again with its settings, from wherever it is shown."""

from __future__ import annotations

import re

import pytest

from jobs.models import Job
from tests.world import World, begin, fail, move_by_sql
from training.models import TrainingRun
from training.services import training_run_create
from workers.contract.specs.training import Hyperparameters

pytestmark = pytest.mark.slow


@pytest.fixture
def run(world: World) -> TrainingRun:
    return training_run_create(
        model=world.base_model().name,
        method="supervised",
        data=world.dataset_version(),
        hyperparameters=Hyperparameters(
            epochs=3, lora_rank=4, warmup_share=0.25, pair_forms=("closed_book",)
        ),
        suffix="mizuho",
        actor=world.actor,
    )


def _end(job: Job, state: str) -> None:
    if state == "failed":
        fail(job)
    else:
        begin(job)
        move_by_sql(job, "cancelling")
        move_by_sql(job, "cancelled")
        TrainingRun.objects.filter(job=job).update(state="cancelled")


PAGES = {
    "its page": "/training/{run.id}",
    "the list of trainings": "/training",
    "the page of its job": "/jobs/{run.job_id}",
    "the list of jobs": "/jobs?kind=training",
}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_the_button_stands_where_the_run_is_shown(
    world: World, run: TrainingRun, path: str, state: str
) -> None:
    path, link = path.format(run=run), f'href="/training/new?again={run.id}"'
    assert link not in world.browser().get(path).content.decode()
    _end(run.job, state)
    assert link in world.browser().get(path).content.decode()
    assert link not in world.browser("viewer").get(path).content.decode()


def test_a_failed_run_has_it_on_the_home_page(world: World, run: TrainingRun) -> None:
    _end(run.job, "failed")
    assert f"/training/new?again={run.id}" in world.browser().get("/").content.decode()


def test_the_form_comes_back_with_the_settings_and_starts_the_same_training(
    world: World, run: TrainingRun
) -> None:
    _end(run.job, "failed")
    page = world.browser().get(f"/training/new?again={run.id}").content.decode()
    sent = dict(re.findall(r'<input[^>]*? name="([a-z_]+)"[^>]*? value="([^"]*)"', page))
    for name, options in re.findall(r'<select name="([a-z_]+)".*?>(.*?)</select>', page, re.S):
        sent[name] = re.search(r'value="([^"]*)" selected', options)[1]
    answer = world.browser().post("/training/new", sent)
    assert answer.status_code == 302
    again = TrainingRun.objects.exclude(pk=run.pk).get()
    for field in ("base_model_id", "method", "dataset_version_id", "suffix", "hyperparameters"):
        assert getattr(again, field) == getattr(run, field)


def test_two_runs_of_the_same_settings_are_told_apart_by_their_time(world: World, run: TrainingRun) -> None:
    TrainingRun.objects.filter(pk=run.pk).update(created_at="2026-04-01T09:30:05+09:00")
    run.refresh_from_db()
    other = world.training_run()
    assert str(run).endswith("→ mizuho, 2026-04-01 09:30:05")
    assert str(run) != str(other)
