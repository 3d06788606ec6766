"""A run is ended when its heartbeat or its steps stop for too long, and never earlier."""

from __future__ import annotations

import os

import pytest

from jobs.models import Job

from .run_states import (
    fresh,
    kills,
    set_columns,
)


def test_a_changed_heartbeat_renews_the_lease(running, null_launcher, tick):
    set_columns(running, lease_until="-1 hour")
    (running.run_dir / "heartbeat").touch()
    tick()
    job = fresh(running)
    assert job.state == "running"
    assert job.lease_until > job.polled_at


def test_an_unchanged_heartbeat_ends_the_attempt_after_its_lease(running, null_launcher, tick):
    set_columns(running, lease_until="-1 second")
    tick()
    assert kills(null_launcher) == 1
    assert fresh(running).losses == 1


def test_one_silent_rank_ends_the_attempt_of_all(running, null_launcher, tick):
    (running.run_dir / "heartbeat.1").touch()
    os.utime(running.run_dir / "heartbeat.1", ns=(0, 1))
    (running.run_dir / "heartbeat").touch()
    tick()
    set_columns(running, lease_until="-1 second")
    os.utime(running.run_dir / "heartbeat")
    tick()
    assert kills(null_launcher) == 1


def test_extends_the_lease_after_a_long_gap_between_polls(running, null_launcher, tick):
    set_columns(running, lease_until="-1 hour", polled_at="-1 hour", progress_seen_at="-1 hour")
    tick()
    assert fresh(running).state == "running"
    assert kills(null_launcher) == 0
    set_columns(running, lease_until="-1 second")
    tick()
    assert kills(null_launcher) == 1


def test_starts_no_attempt_before_the_last_one_is_certainly_dead(running, null_launcher, tick):
    null_launcher.kill = lambda run: False
    set_columns(running, lease_until="-1 second")
    tick()
    assert (fresh(running).state, fresh(running).fence) == ("running", 1)


@pytest.mark.parametrize(
    ("moved", "steps", "stalled"),
    [
        ("-11 minutes", [], True),
        ("-9 minutes", [], False),
        ("-11 minutes", [120.0] * 5, False),
        ("-21 minutes", [120.0] * 5, True),
    ],
)
def test_a_run_without_steps_is_stalled(running, null_launcher, tick, moved, steps, stalled):
    Job.objects.filter(pk=running.pk).update(step_seconds=steps)
    set_columns(running, progress_seen_at=moved)
    tick()
    job = fresh(running)
    assert (job.failed_code == "work.system.stalled") is stalled
