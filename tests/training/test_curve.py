"""The points of a run's curves."""

from __future__ import annotations

import pytest

from jobs.models import JobEvent
from training import curve as curve_module
from training.curve import curve, newest_values


@pytest.fixture
def run(world):
    return world.training_run()


def add_points(run, steps, *, loss=2.0):
    JobEvent.objects.bulk_create(
        JobEvent(
            organization_id=run.organization_id,
            job_id=run.job_id,
            fence=1,
            type="metrics",
            data={"step": step, "values": {"loss": loss, "tokens_per_second": 10.0 * step}},
        )
        for step in steps
    )


def test_points_after_a_step(run):
    assert curve(run, after=0) == {"x": [], "series": {"loss": [], "tokens_per_second": []}, "live": True}
    assert newest_values(run) == {}
    add_points(run, [1, 2, 3])
    found = curve(run, after=1)
    assert (found["x"], found["series"]["tokens_per_second"]) == ([2, 3], [20.0, 30.0])
    assert newest_values(run) == {"loss": 2.0, "tokens_per_second": 30.0}


def test_point_of_the_newest_attempt_counts(run):
    add_points(run, [1, 2], loss=3.0)
    add_points(run, [2, 3], loss=2.0)
    assert curve(run, after=0)["series"]["loss"] == [3.0, 2.0, 2.0]


def test_long_curves_are_thinned_evenly(run, monkeypatch):
    monkeypatch.setattr(curve_module, "MOST_POINTS", 5)
    add_points(run, range(1, 42))
    assert curve(run, after=0)["x"] == [1, 11, 21, 31, 41]


def test_finished_run_is_not_live(world, run):
    world.trained(run.job)
    run.job.refresh_from_db()
    assert curve(run, after=0)["live"] is False
