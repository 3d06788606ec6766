"""Real processes under the local launcher, killed and stopped at every place."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from audit.services import SYSTEM
from jobs.models import JobEvent
from jobs.services import job_cancel, job_claim, job_pause, job_resume
from workers.orchestration.launchers.base import Absent, Lost
from workers.orchestration.launchers.local.launcher import LocalLauncher, stop_all
from workers.orchestration.launchers.local.processes import processes_of_runs
from workers.orchestration.run_setup import engine_of, run_of

from .conftest import signal_if_alive

pytestmark = pytest.mark.slow

ENDED = ("succeeded", "failed", "cancelled")


def reach_step(installation, job, step: int = 2):
    """The job runs and has imported a checkpoint at `step`."""
    return installation.until_true(
        lambda: (
            (installation.fresh(job).checkpoint_step or 0) >= step
            and installation.fresh(job).state == "running"
        ),
        job,
    )


def pids(installation) -> list[int]:
    return [pid for pid, _ in processes_of_runs(installation.runs.resolve())]


def test_a_run_succeeds_and_keeps_its_log(installation):
    job = installation.until(installation.submit(), "succeeded")
    assert job.result == {"steps": 5, "resumed_from": 0, "attempt": 1}
    assert (job.progress_done, job.progress_total, job.progress_unit) == (5, 5, "step")
    assert installation.ended == [job.id]
    types = list(
        JobEvent.objects.filter(job=job, sequence__isnull=False).order_by("id").values_list("type", flat=True)
    )
    assert types == ["started", *["metrics", "checkpoint"] * 5]
    assert job.finalized_at and job.cleaned_at
    left = {path.name for path in job.run_dir.iterdir()}
    assert {"events.jsonl", "result.json", "engine.log"} <= left
    assert not left & {"checkpoints", "output", "heartbeat"}
    assert (installation.runs / "exits").exists(), "the exit watcher looks at it"
    assert pids(installation) == []


def test_a_users_error_is_not_tried_again(installation):
    job = installation.until(installation.submit(fail="user"), *ENDED)
    assert (job.state, job.attempt) == ("failed", 1)
    assert (job.error_code, job.error_message, job.error_param) == (
        "probe.user.bad_input",
        "The input is bad.",
        "items",
    )
    assert job.error_values == {"line": 7}


def test_a_system_failure_is_tried_again_from_the_checkpoint(installation):
    job = installation.until(installation.submit(fail="system", fail_attempts=1), *ENDED)
    assert (job.state, job.attempt) == ("succeeded", 2)
    assert job.result["resumed_from"] == 2


@pytest.mark.parametrize(
    ("how", "code"), [("system", "broken"), ("segfault", "crashed"), ("silent", "result_missing")]
)
def test_the_same_failure_at_the_same_step_twice_ends_it(installation, how, code):
    job = installation.until(installation.submit(fail=how), *ENDED)
    assert (job.state, job.attempt, job.error_code) == ("failed", 2, f"probe.system.{code}")
    assert (job.run_dir.parent / "1" / "checkpoints" / "2").is_dir(), "kept: one may want to resume"


def test_a_killed_engine_is_run_again(installation):
    job = reach_step(installation, installation.submit(hold_at=2))
    os.kill(installation.engine(job), signal.SIGKILL)
    job = installation.until(job, "succeeded")
    assert (job.attempt, job.result["resumed_from"], job.losses) == (2, 2, 0)


def test_a_killed_supervisor_ends_its_engine_and_the_job_runs_again(installation):
    job = reach_step(installation, installation.submit(hold_at=2, child=True))
    os.kill(installation.owner(job), signal.SIGKILL)
    installation.until_true(lambda: installation.fresh(job).fence == 2, job)
    assert not [of for _, of in processes_of_runs(installation.runs.resolve()) if of.name == "1"]
    assert installation.until(job, "succeeded").result["resumed_from"] == 2


def test_killing_everything_at_once_is_survived(installation):
    job = reach_step(installation, installation.submit(hold_at=2, child=True))
    for pid in pids(installation):
        signal_if_alive(pid, signal.SIGKILL)
    job = installation.until(job, "succeeded")
    assert job.attempt == 2


def test_a_child_in_its_own_session_does_not_outlive_the_run(installation):
    installation.until(installation.submit(child=True), "succeeded")
    assert pids(installation) == []


def test_a_new_worker_adopts_what_the_old_one_launched(installation):
    job = reach_step(installation, installation.submit(hold_at=2))
    owner = installation.owner(job)
    for _ in range(5):
        installation.tick()  # each tick is made of nothing but the database and the files
    assert installation.owner(installation.fresh(job)) == owner
    job_pause(job=job, actor=SYSTEM)
    job = installation.until(job, "paused")
    assert job.attempt == 1


def test_launching_twice_starts_one_engine(installation, organization):
    job = installation.submit(hold_at=1)
    reach_step(installation, job, 1)
    job.refresh_from_db()
    launcher = LocalLauncher(installation.runs)
    owner = installation.owner(job)
    before = sorted(pids(installation))
    launcher.launch(run_of(job), engine_of(job))
    installation.tick()
    assert installation.owner(job) == owner
    assert sorted(pid for pid in pids(installation) if pid in before) == before
    started = JobEvent.objects.filter(job=job, type="started")
    assert started.count() == 1


def test_pause_and_resume_continue_from_the_checkpoint(installation):
    job = reach_step(installation, installation.submit(hold_at=2))
    job_pause(job=job, actor=SYSTEM)
    job = installation.until(job, "paused")
    assert pids(installation) == []
    job_resume(job=job, actor=SYSTEM)
    job = installation.until(job, "succeeded")
    assert (job.attempt, job.result["resumed_from"], job.losses) == (2, 2, 0)


def test_cancel_ends_a_running_job(installation):
    job = reach_step(installation, installation.submit(hold_at=2, child=True))
    job_cancel(job=job, actor=SYSTEM)
    job = installation.until(job, "cancelled")
    assert pids(installation) == []
    installation.tick()
    assert installation.ended == [job.id]


def test_cancel_kills_an_engine_that_ignores_the_signal(installation, monkeypatch):
    from datetime import timedelta

    monkeypatch.setattr("workers.orchestration.reconcile.CANCEL_GRACE", timedelta(seconds=0.2))
    job = reach_step(installation, installation.submit(hold_at=2))
    os.kill(installation.engine(job), signal.SIGSTOP)
    job_cancel(job=job, actor=SYSTEM)
    installation.until(job, "cancelled")
    assert pids(installation) == []


def test_a_run_on_a_full_disk_can_be_cancelled(installation, monkeypatch):
    """People cancel runs to free disk space, so cancelling must not need any."""
    job = reach_step(installation, installation.submit(hold_at=2))

    def full(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workers.orchestration.launchers.local.launcher.write_json", full)
    job_cancel(job=job, actor=SYSTEM)
    installation.until(job, "cancelled")
    assert pids(installation) == []


def test_a_clean_stop_on_a_full_disk_reaches_every_run(installation, monkeypatch):
    job = reach_step(installation, installation.submit(hold_at=2))

    def full(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workers.orchestration.launchers.local.launcher.write_json", full)
    stop_all(installation.runs, 5)
    assert pids(installation) == []
    assert json.loads((job.run_dir / "result.json").read_text())["status"] == "stopped"


def test_a_clean_stop_of_the_machine_costs_nothing(installation):
    job = reach_step(installation, installation.submit(hold_at=2))
    stop_all(installation.runs, 5)
    assert pids(installation) == []
    assert installation.fresh(job).state == "running"
    job = installation.until(job, "succeeded")
    assert (job.attempt, job.result["resumed_from"]) == (2, 2)
    assert (job.losses, job.failures_since_checkpoint) == (0, 0)


def test_a_clean_stop_reaches_a_paused_process(installation):
    """A stopped process receives no signal, so it is continued and then makes its state safe."""
    job = reach_step(installation, installation.submit(hold_at=2))
    os.kill(installation.engine(job), signal.SIGSTOP)
    os.kill(json.loads((job.run_dir / "owner").read_text())["pid"], signal.SIGSTOP)
    stop_all(installation.runs, 5)
    assert pids(installation) == []
    assert json.loads((job.run_dir / "result.json").read_text())["status"] == "stopped"
    assert json.loads((job.run_dir / "exit.json").read_text())["code"] == 143
    assert installation.until(job, "succeeded").losses == 0


def test_a_stopped_engine_is_lost_once_its_lease_has_ended(installation):
    job = reach_step(installation, installation.submit(hold_at=2))
    os.kill(installation.engine(job), signal.SIGSTOP)
    installation.until_true(lambda: _heartbeat_is_known(installation, job), job)
    _expire_lease(job)
    installation.until_true(lambda: installation.fresh(job).fence == 2, job)
    assert not [of for _, of in processes_of_runs(installation.runs.resolve()) if of.name == "1"]
    assert installation.until(job, "succeeded").attempt == 2


def _heartbeat_is_known(installation, job) -> bool:
    job = installation.fresh(job)
    heartbeat = job.run_dir / "heartbeat"
    return not heartbeat.exists() or heartbeat.stat().st_mtime_ns == job.heartbeat_mtime


def _expire_lease(job) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE jobs_job SET lease_until = now() - interval '1 second' WHERE id = %s", [job.id]
        )


def test_a_worker_that_dies_before_launching_costs_one_attempt(installation):
    job = installation.submit()
    assert job_claim(job=job)  # and nothing more: here the worker died
    installation.tick()
    assert installation.fresh(job).state == "starting", "within its lease it may still be coming"
    _expire_lease(job)
    job = installation.until(job, "succeeded")
    assert job.attempt == 2
    assert json.loads((job.run_dir.parent / "1" / "owner").read_text()) == {"revoked": True}


def test_a_revoked_folder_never_starts(installation):
    job = installation.submit()
    job_claim(job=job)
    launcher = LocalLauncher(installation.runs)
    run = run_of(job)
    assert launcher.poll(run) == Absent()
    assert launcher.revoke(run)
    assert launcher.poll(run) == Lost()
    launcher.launch(run, engine_of(job))
    assert not (Path(run.run_dir) / "engine.log").exists()
    assert launcher.revoke(run), "revoking is repeatable"


def test_kills_what_runs_without_the_current_fence(installation):
    job = installation.submit(hold_at=1)
    job_claim(job=job)
    stray = run_of(job)
    stray.run_dir.mkdir(parents=True)
    config = {"job_id": job.id, "kind": "probe", "fence": 1, "attempt": 1, "run_dir": str(stray.run_dir)}
    (stray.run_dir / "config.json").write_text(json.dumps({**config, "spec": job.spec}))
    LocalLauncher(installation.runs).launch(stray, engine_of(job))
    job_cancel(job=job, actor=SYSTEM)
    job.refresh_from_db()
    from jobs.services import job_cancelled

    assert job_cancelled(job=job)  # ended in the database while its process lives
    installation.until_true(lambda: pids(installation) == [], job)
    assert not (stray.run_dir / "exit.json").exists() or installation.fresh(job).state == "cancelled"


@pytest.mark.ml
def test_two_ranks_under_torchrun_stop_together_and_resume(installation):
    job = reach_step(installation, installation.submit(processes=2, hold_at=2))
    job_pause(job=job, actor=SYSTEM)
    job = installation.until(job, "paused")
    assert pids(installation) == []
    job_resume(job=job, actor=SYSTEM)
    job = installation.until(job, "succeeded")
    assert (job.result["resumed_from"], job.losses, job.failures_since_checkpoint) == (2, 0, 0)


@pytest.mark.ml
def test_a_lost_rank_is_a_lost_run(installation):
    job = reach_step(installation, installation.submit(processes=2, hold_at=2))
    other = next(pid for pid in pids(installation) if _rank(pid) == "1")
    os.kill(other, signal.SIGKILL)
    job = installation.until(job, "succeeded")
    assert (job.attempt, job.result["resumed_from"]) == (2, 2)
    assert JobEvent.objects.filter(job=job, type="state", data__reason="probe.system.lost").count() == 1


def _rank(pid: int) -> str | None:
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next((value[5:].decode() for value in variables if value.startswith(b"RANK=")), None)
