"""What reconcile does after what it observes, with a launcher that runs nothing."""

from __future__ import annotations

import json

import pytest

from audit.services import SYSTEM
from common.tenancy import organization_scope
from jobs.models import JobEvent
from jobs.services import job_cancel, job_pause, job_submit
from jobs.types import Placement, follow
from workers.orchestration.launchers.base import Absent, Exited, Lost
from workers.orchestration.reconcile import reconcile
from workers.orchestration.run_setup import run_of

from ..jobs.test_services import at_once
from ..jobs.work import LightWork, Work
from .run_states import (
    DONE,
    FAILED,
    FAULT,
    STOPPED,
    fresh,
    kills,
    set_columns,
    tick_without_relaunch,
    write_result,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("seen", "result", "state", "code"),
    [
        (Exited(0), DONE, "succeeded", ""),
        (Exited(-9), DONE, "succeeded", ""),
        (Lost(), DONE, "succeeded", ""),
        (Exited(2), FAILED, "failed", "work.user.empty_dataset"),
        (Exited(1), FAILED, "failed", "work.user.empty_dataset"),
        (Exited(3), FAULT, "queued", ""),
        (Exited(0), None, "queued", ""),
        (Exited(-9), None, "queued", ""),
        (Exited(139), None, "queued", ""),
        (Exited(143), STOPPED, "queued", ""),
        (Exited(143), None, "queued", ""),
        (Exited(1), STOPPED, "queued", ""),
        (Lost(), None, "queued", ""),
    ],
)
def test_result_and_exit_code_decide_the_next_state(running, null_launcher, tick, seen, result, state, code):
    if result is not None:
        write_result(running, **result)
    null_launcher.end(run_of(running), seen)
    tick_without_relaunch(running, tick)
    job = fresh(running)
    assert (job.state, job.error_code) == (state, code)


@pytest.mark.parametrize("seen", [Exited(0), Exited(2), Exited(3), Exited(143), Lost()])
def test_a_cancelled_run_is_cancelled_whatever_its_end(running, null_launcher, tick, seen):
    write_result(running, **DONE)
    job_cancel(job=running, actor=SYSTEM)
    null_launcher.end(run_of(running), seen)
    tick()
    assert fresh(running).state == "cancelled"


@pytest.mark.parametrize(
    ("seen", "result", "state"),
    [
        (Exited(143), STOPPED, "paused"),
        (Lost(), None, "paused"),
        (Exited(3), FAULT, "paused"),
        (Exited(0), DONE, "succeeded"),
        (Exited(2), FAILED, "failed"),
    ],
)
def test_pausing_run_ends_as_paused_succeeded_or_failed(running, null_launcher, tick, seen, result, state):
    if result is not None:
        write_result(running, **result)
    job_pause(job=running, actor=SYSTEM)
    null_launcher.end(run_of(running), seen)
    tick()
    assert fresh(running).state == state


def test_asks_once_to_stop_and_then_kills(running, null_launcher, tick):
    job_cancel(job=running, actor=SYSTEM)
    tick()
    tick()
    assert [call for call, _run in null_launcher.calls].count("stop") == 1
    set_columns(running, stop_deadline="-1 second")
    tick()
    assert kills(null_launcher) >= 1
    tick()
    assert fresh(running).state == "cancelled"


def test_cancelling_before_anything_started(null_cluster, null_launcher, tick):
    job = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    tick()
    null_launcher.end(run_of(fresh(job)), Absent())
    job_cancel(job=fresh(job), actor=SYSTEM)
    tick()
    assert fresh(job).state == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_reconciles_at_once_do_everything_once(null_cluster, null_launcher, organization):
    jobs = [
        job_submit(spec=LightWork(items=n), actor=SYSTEM, placement=Placement(cluster=null_cluster))
        for n in range(6)
    ]
    null_cluster.light_slots = 6
    null_cluster.save()
    finalized = []
    follow("light_work", lambda job: finalized.append(job.id))

    def both():
        at_once(8, lambda _number: reconcile({"null": null_launcher}))

    both()
    launched = [run for call, run in null_launcher.calls if call == "launch"]
    assert sorted(run.job_id for run in launched) == sorted(job.id for job in jobs)
    for job in jobs:
        job.refresh_from_db()
        assert job.fence == 1
        write_result(job, **DONE)
        null_launcher.end(run_of(job), Exited(0))
    with organization_scope(organization.id):
        both()
        both()
    assert sorted(finalized) == sorted(job.id for job in jobs)
    states = JobEvent.objects.filter(type="state").values_list("job_id", "message")
    assert sorted(states) == sorted(
        (job.id, state) for job in jobs for state in ("starting", "running", "succeeded")
    )


def test_kills_strays_only(running, null_launcher, tick):
    from workers.orchestration.launchers.base import Running, RunRef

    stray = RunRef(running.id, 7, running.run_dir)
    null_launcher.end(stray, Running())
    tick()
    assert [run for call, run in null_launcher.calls if call == "kill"] == [stray]


def test_an_error_with_one_job_does_not_stop_the_others(null_cluster, null_launcher, tick):
    jobs = [
        job_submit(spec=LightWork(items=n), actor=SYSTEM, placement=Placement(cluster=null_cluster))
        for n in range(2)
    ]
    tick()
    poll = null_launcher.poll

    def failing(run):
        if run.job_id == jobs[0].id:
            raise RuntimeError("odd")
        return poll(run)

    null_launcher.poll = failing
    tick()
    assert [fresh(job).state for job in jobs] == ["starting", "running"]


def test_replaces_what_postgresql_cannot_store(running, null_launcher, tick):
    """A NUL in a message, a result that is not a number: an engine may write them, jsonb refuses them."""
    event = {"type": "log", "sequence": 0, "time": 1.0, "message": "a NUL: \x00"}
    point = {"type": "metrics", "sequence": 1, "time": 1.0, "step": 1, "values": {"loss": float("nan")}}
    (running.run_dir / "events.jsonl").write_text(f"{json.dumps(event)}\n{json.dumps(point)}\n")
    write_result(running, status="succeeded", output={"title": "a\x00b", "heldout_loss": float("inf")})
    null_launcher.end(run_of(running), Exited(0))
    tick()
    assert fresh(running).state == "succeeded"
    assert fresh(running).result == {"title": "a\ufffdb", "heldout_loss": None}
    assert list(JobEvent.objects.filter(job=running, type="log").values_list("message", flat=True)) == [
        "a NUL: \ufffd"
    ]
