"""What reconcile does after what it observes, with a launcher that runs nothing."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from django.db import connection

from audit.services import SYSTEM
from common.tenancy import every_organization, organization_scope
from jobs.models import Cluster, Job, JobEvent
from jobs.services import job_cancel, job_pause, job_submit
from jobs.types import Placement, follow
from workers.contract.run_folder import RunFolder
from workers.orchestration.launchers.base import Absent, Exited, Lost
from workers.orchestration.reconcile import reconcile
from workers.orchestration.run_setup import run_of

from ..jobs.test_services import at_once
from ..jobs.work import LightWork, OneCoreWork, Work


@pytest.fixture
def running(null_cluster, tick):
    """A job that runs."""
    job = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    tick()
    tick()
    job.refresh_from_db()
    assert (job.state, job.fence) == ("running", 1)
    return job


def write_result(job: Job, **fields) -> None:
    (job.run_dir / "result.json").write_text(json.dumps({"version": 1, **fields}))


def set_columns(job: Job, **intervals: str) -> None:
    """Columns to the database's now plus an interval."""
    with connection.cursor() as cursor:
        for column, interval in intervals.items():
            cursor.execute(
                f"UPDATE jobs_job SET {column} = now() + %s::interval WHERE id = %s", [interval, job.id]
            )


def now_due(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(not_before=None)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def kills(launcher) -> int:
    return sum(call == "kill" for call, _run in launcher.calls)


FAILED = {"status": "failed", "error": {"code": "work.user.empty_dataset", "message": "Empty."}}
FAULT = {"status": "failed", "error": {"code": "work.system.out_of_memory", "message": "Memory."}}
KILLED = {"status": "failed", "error": {"code": "ingest.system.parser_killed", "message": "Killed."}}
DONE = {"status": "succeeded", "output": {"steps": 3}}
STOPPED = {"status": "stopped"}


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


def tick_without_relaunch(job, tick) -> None:
    """Tick, but leave a requeued job in the queue: its cluster takes no new ones."""
    job.cluster.is_active = False
    job.cluster.save()
    tick()


@pytest.mark.parametrize(
    ("seen", "result", "counters"),
    [
        # Stopped in order, but not by the platform.
        (Exited(143), STOPPED, (1, 0)),
        (Exited(143), None, (1, 0)),
        (Lost(), STOPPED, (1, 0)),
        # torchrun stopped this rank because another was lost.
        (Exited(1), STOPPED, (1, 0)),
        (Exited(3), FAULT, (0, 1)),
        # The engine is well; a process that it had started was killed.
        (Exited(3), KILLED, (1, 0)),
        (Lost(), FAULT, (0, 1)),
        (Lost(), None, (1, 0)),
        (Exited(-9), None, (1, 0)),
        (Exited(-11), None, (0, 1)),
    ],
)
def test_counts_losses_and_failures_against_the_retry_budget(
    running, null_launcher, tick, seen, result, counters
):
    if result is not None:
        write_result(running, **result)
    null_launcher.end(run_of(running), seen)
    tick_without_relaunch(running, tick)
    job = fresh(running)
    assert (job.losses, job.failures_since_checkpoint) == counters


@pytest.mark.parametrize("seen", [Exited(143), Lost()])
def test_a_stop_of_the_installation_costs_nothing(running, null_launcher, tick, seen):
    write_result(running, **STOPPED)
    (running.run_dir / "stop.json").write_text('{"version": 1, "grace": 5}')
    null_launcher.end(run_of(running), seen)
    tick_without_relaunch(running, tick)
    job = fresh(running)
    assert (job.state, job.losses, job.failures_since_checkpoint) == ("queued", 0, 0)


def test_a_stop_of_the_installation_costs_nothing_even_if_the_worker_dies_meanwhile(
    running, null_launcher, tick, monkeypatch
):
    """After the folder was pruned and before the row was moved."""

    def died(**_arguments):
        raise SystemExit

    write_result(running, **STOPPED)
    (running.run_dir / "stop.json").write_text('{"version": 1, "grace": 5}')
    null_launcher.end(run_of(running), Exited(143))
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("workers.orchestration.reconcile.job_requeue", died)
        tick()
    tick_without_relaunch(running, tick)
    job = fresh(running)
    assert (job.state, job.losses, job.failures_since_checkpoint) == ("queued", 0, 0)


def test_a_stop_without_stop_file_on_a_full_disk_costs_nothing(running, null_launcher, tick):
    set_columns(running, stop_deadline="10 minutes")
    null_launcher.end(run_of(running), Exited(143))
    tick_without_relaunch(running, tick)
    assert (fresh(running).state, fresh(running).losses) == ("queued", 0)


def test_a_run_restored_on_another_machine_costs_nothing(running, null_launcher, tick):
    RunFolder(running.run_dir).declare_stopped()
    null_launcher.end(run_of(running), Exited(143))
    tick_without_relaunch(running, tick)
    assert (fresh(running).state, fresh(running).losses) == ("queued", 0)


def test_an_engine_that_keeps_stopping_by_itself_fails(running, null_launcher, tick):
    for _ in range(6):
        assert fresh(running).state == "running"
        null_launcher.end(run_of(fresh(running)), Exited(143))
        tick()
        now_due(running)
        tick()
        tick()
    job = fresh(running)
    assert (job.state, job.error_code) == ("failed", "work.system.stopped")
    assert "not by the platform" in job.error_message


def test_a_job_lost_for_the_sixth_time_fails(running, null_launcher, tick):
    for _ in range(6):
        assert fresh(running).state == "running"
        null_launcher.end(run_of(fresh(running)), Lost())
        tick()
        now_due(running)
        tick()
        tick()
    job = fresh(running)
    assert (job.state, job.attempt, job.error_code) == ("failed", 6, "work.system.lost")


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


def test_finalizing_is_repeated_until_it_returns(running, null_launcher):
    attempts = []

    def finish(job):
        attempts.append(job.id)
        if len(attempts) < 3:
            raise RuntimeError("not yet")

    def once():
        Job.objects.filter(pk=running.pk).update(finalize_after=None)
        reconcile({"null": null_launcher})

    follow("work", finish)
    write_result(running, **DONE)
    null_launcher.end(run_of(running), Exited(0))
    for failures in (1, 2):
        once()
        job = fresh(running)
        assert (job.state, job.finalized_at, job.finalize_failures) == ("succeeded", None, failures)
    assert job.finalize_after is not None
    once()
    once()
    assert len(attempts) == 3
    assert fresh(running).finalized_at is not None


def test_failing_finalizers_are_repeated_at_growing_delays(running, null_launcher):
    write_result(running, **DONE)
    null_launcher.end(run_of(running), Exited(0))

    def finish(job):
        raise RuntimeError("never")

    follow("work", finish)
    delays = []
    for _ in range(4):
        Job.objects.filter(pk=running.pk).update(finalize_after=None)
        reconcile({"null": null_launcher})
        with every_organization("the test looks at the clock"), connection.cursor() as cursor:
            cursor.execute("SELECT finalize_after - now() FROM jobs_job WHERE id = %s", [running.id])
            delays.append(cursor.fetchone()[0])
    assert delays == sorted(delays)
    assert delays[-1] > delays[0] + timedelta(seconds=5)


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


def test_a_job_that_cannot_be_finalized_does_not_delay_others(running, null_launcher, null_cluster):
    """Finalizing the first one raises a database error every time."""
    second = job_submit(spec=OneCoreWork(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    ended: list[str] = []

    def refuse(job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(error_message="a NUL: \x00")

    def once() -> None:
        reconcile({"null": null_launcher})

    follow("work", refuse)
    follow("one_core_work", lambda job: ended.append(job.id))
    write_result(running, **DONE)
    null_launcher.end(run_of(running), Exited(0))
    Cluster.objects.filter(pk=null_cluster.pk).update(cpus=64)
    for _ in range(3):
        once()
    write_result(fresh(second), **DONE)
    null_launcher.end(run_of(fresh(second)), Exited(0))
    once()
    assert ended == [second.id]
    assert fresh(running).finalize_failures > 0
