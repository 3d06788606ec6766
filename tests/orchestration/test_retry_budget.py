"""What counts against the retry budget of a job, what costs nothing, and when the budget is spent."""

from __future__ import annotations

import pytest

from workers.contract.run_folder import RunFolder
from workers.orchestration.launchers.base import Exited, Lost
from workers.orchestration.run_setup import run_of

from .run_states import (
    FAULT,
    KILLED,
    STOPPED,
    fresh,
    now_due,
    set_columns,
    tick_without_relaunch,
    write_result,
)

pytestmark = pytest.mark.slow


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
