"""Disk space: what a job asks for before it starts, and what follows when there is none left."""

from __future__ import annotations

import json

import pytest

from audit.services import SYSTEM
from common.disk import disk
from jobs.api import job_body
from jobs.models import Job
from jobs.services import job_pause, job_resume, job_submit
from jobs.types import Placement
from workers.contract.spec import Spec
from workers.orchestration.disk_budget import MAX_GROWTH, SMALLEST_NEED, disk_need
from workers.orchestration.dispatch import dispatch
from workers.orchestration.launchers.base import Exited, Lost
from workers.orchestration.run_setup import run_of

from ..jobs.work import LightWork, Work

pytestmark = pytest.mark.slow

EVERYTHING = 1 << 60


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def submit(null_cluster, organization):
    def submit(spec: Spec | None = None) -> Job:
        return job_submit(spec=spec or Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))

    return submit


@pytest.fixture
def running(submit, tick):
    job = submit()
    tick()
    tick()
    assert fresh(job).state == "running"
    return fresh(job)


def test_a_job_that_lacks_disk_space_waits_shows_why_and_starts_later(submit, tick, settings):
    settings.KOSHA_DISK_RESERVE_BYTES = EVERYTHING
    job = submit()
    tick()
    body = job_body(fresh(job))
    assert body["status"] == "queued"
    assert (body["waiting"]["code"], body["waiting"]["needed_bytes"]) == ("disk", SMALLEST_NEED)
    settings.KOSHA_DISK_RESERVE_BYTES = 0
    tick()
    assert fresh(job).state == "starting"
    assert job_body(fresh(job))["waiting"] is None


def test_a_job_that_lacks_disk_space_does_not_delay_smaller_ones(submit, tick, settings):
    now = disk()
    settings.KOSHA_DISK_RESERVE_BYTES = now.free // 2
    big, small = submit(), submit(LightWork())
    Job.objects.filter(pk=big.pk).update(disk_bytes=now.free)
    tick()
    assert (fresh(big).waits_for, fresh(small).state) == ("disk", "starting")


def test_space_promised_to_running_jobs_is_not_given_twice(submit, tick, settings):
    now = disk()
    settings.KOSHA_DISK_RESERVE_BYTES = now.free // 2
    first, second = submit(LightWork()), submit(LightWork())
    Job.objects.update(disk_bytes=now.free // 3)
    tick()
    assert (fresh(first).state, fresh(second).state) == ("starting", "queued")
    assert fresh(second).waits_for == "disk"


def test_a_job_behind_others_waits_for_cores(submit, tick):
    first, second = submit(), submit()
    tick()
    assert fresh(first).state == "starting"
    assert job_body(fresh(second))["waiting"]["code"] == "cpus"


def test_a_run_with_checkpoints_is_stopped_while_there_is_space_for_one(
    running, null_launcher, tick, settings
):
    settings.KOSHA_DISK_FLOOR_BYTES = EVERYTHING
    tick()
    tick()
    assert [call for call, _ in null_launcher.calls].count("stop") == 1
    # What a launcher leaves when it stops a run, and the run when it was stopped.
    (running.run_dir / "stop.json").write_text("{}")
    (running.run_dir / "result.json").write_text(json.dumps({"version": 1, "status": "stopped"}))
    null_launcher.end(run_of(running), Exited(143))
    tick()
    tick()
    job = fresh(running)
    assert (job.state, job.waits_for, job.losses, job.failures_since_checkpoint) == ("queued", "disk", 0, 0)
    assert job.events.filter(type="state").latest("pk").data["reason"] == "disk_full"
    settings.KOSHA_DISK_FLOOR_BYTES = 0
    settings.KOSHA_DISK_RESERVE_BYTES = 0
    tick()
    assert fresh(job).state == "starting"
    assert fresh(job).stop_deadline is None


@pytest.mark.parametrize("seen", [Exited(143), Lost()])
def test_a_run_without_checkpoints_is_stopped_too_and_waits_for_more_space(
    submit, null_launcher, tick, settings, seen
):
    """Also where it did not end in time and was killed: that does not count as a lost machine."""
    job = submit(LightWork())
    tick()
    tick()
    settings.KOSHA_DISK_FLOOR_BYTES = EVERYTHING
    tick()
    assert [call for call, _ in null_launcher.calls].count("stop") == 1
    null_launcher.end(run_of(fresh(job)), seen)
    tick()
    job = fresh(job)
    assert (job.state, job.losses, job.disk_bytes) == ("queued", 0, 2 * SMALLEST_NEED)
    assert job.events.filter(type="state").latest("pk").data["reason"] == "disk_full"


def test_a_full_disk_makes_a_job_wait_for_more_space_and_never_fail(running, null_launcher, tick):
    for attempt in range(1, 9):
        job = fresh(running)
        error = {"code": "work.system.disk_full", "message": "Full."}
        result = {"version": 1, "status": "failed", "error": error}
        (job.run_dir / "result.json").write_text(json.dumps(result))
        null_launcher.end(run_of(job), Exited(3))
        tick()
        job = fresh(job)
        assert (job.state, job.failures_since_checkpoint, job.losses) == ("queued", 0, 0)
        # Twice as much each time, but no more than a few times what it is thought to need at most.
        assert job.disk_bytes == SMALLEST_NEED * min(2**attempt, MAX_GROWTH)
        Job.objects.filter(pk=job.pk).update(not_before=None)
        tick()
        tick()


def test_a_launch_that_meets_a_full_disk_costs_nothing(submit, null_launcher):
    def refuse(run, engine):
        raise OSError(28, "No space left on device")

    null_launcher.launch = refuse
    job = submit()
    for attempt in range(1, 9):
        Job.objects.filter(pk=job.pk).update(not_before=None)
        dispatch({"null": null_launcher})
        assert (fresh(job).state, fresh(job).attempt, fresh(job).losses) == ("queued", attempt, 0)


def test_a_resumed_job_counts_as_waiting_from_then(running, null_launcher, tick):
    job_pause(job=running, actor=SYSTEM)
    (running.run_dir / "result.json").write_text(json.dumps({"version": 1, "status": "stopped"}))
    null_launcher.end(run_of(running), Exited(143))
    tick()
    job = job_resume(job=fresh(running), actor=SYSTEM)
    assert job.not_before is not None and job.not_before > job.created_at


def test_the_need_follows_what_a_job_reads(tmp_path):
    pages = tmp_path / "pages.jsonl"
    pages.write_bytes(b"x" * 1000)
    place = {"document_id": "d", "revision_id": "r", "document_name": "n", "pages_path": str(pages)}
    file = {"document_id": "d", "revision_id": "r", "name": "n", "path": str(pages)}
    source = {**place, "media_type": "text/plain"}
    index = {"sources": [{**place, "groups": ["everyone"]}], "embedding_model": str(tmp_path)}
    for kind, spec, need in [
        ("ingest", {"files": [file, file]}, 8000),
        ("curation", {"sources": [source, source]}, 10_000),
        ("retrieval", index, 8000),
        ("retrieval", {**index, "previous_index": str(tmp_path)}, 9000),
        ("retrieval", {"nonsense": True}, 0),
    ]:
        assert disk_need(Job(kind=kind, spec=spec)) == SMALLEST_NEED + need


def test_a_training_needs_its_checkpoints(tmp_path):
    sizes = {"hidden_size": 100, "num_hidden_layers": 10, "vocab_size": 9, "max_position_embeddings": 9}
    (tmp_path / "config.json").write_text(json.dumps(sizes))
    (tmp_path / "model.safetensors").write_bytes(b"x" * 600)
    base = {"base_model": str(tmp_path)}
    lora = {
        **base,
        "record_files": ["absent"],
        "hyperparameters": {"lora_rank": 8},
        "checkpoint": {"keep": 3},
    }
    checkpoint = 12 * 23 * 8 * 100 * 10
    for kind, spec, need in [
        ("training", lora, 4 * checkpoint + checkpoint // 3),
        ("training", {**lora, "method": "full"}, 4 * 3600 + 1200),
        ("export", base, 1200),
    ]:
        assert disk_need(Job(kind=kind, spec=spec)) == SMALLEST_NEED + need
