"""`/v1/fine_tuning/jobs`: a job from its creation to its end, its events and checkpoints.

What it refuses in a request is in `tests/api/test_bad_training.py`.
"""

from __future__ import annotations

import pytest

from jobs.models import Job, JobEvent
from tests.world import DIGEST, begin, fail
from training.services import checkpoint_record
from workers.contract.specs.events import CheckpointSaved

pytestmark = pytest.mark.slow

CPT = "continued_pretraining"
JOBS = "fine_tuning/jobs"


@pytest.fixture
def body(world):
    return {
        "model": world.base_model().name,
        "training_file": world.dataset_version().id,
        "method": {"type": CPT, CPT: {"hyperparameters": {"n_epochs": 2, "lora_rank": 8}}},
        "suffix": "rules",
        "seed": 7,
        "metadata": {"team": "hr"},
        "checkpoint": {"every_steps": 20},
    }


def test_job_is_created_as_requested(world, api, body):
    job = api.post(JOBS, body).ok
    assert (job["object"], job["status"], job["model"]) == ("fine_tuning.job", "queued", "gemma")
    assert (job["training_file"], job["seed"], job["metadata"]) == (
        body["training_file"],
        7,
        {"team": "hr"},
    )
    assert job["method"] == {"type": CPT, CPT: {"hyperparameters": job["hyperparameters"]}}
    assert job["hyperparameters"]["n_epochs"] == 2
    assert job["kosha"]["hyperparameters"]["lora_rank"] == 8
    assert (job["fine_tuned_model"], job["finished_at"], job["error"]) == (None, None, None)
    spec = Job.objects.get(pk=job["kosha"]["job"]).spec
    assert spec["checkpoint"]["every_steps"] == 20 and spec["hyperparameters"]["seed"] == 7
    assert api.get(f"{JOBS}/{job['id']}").ok == job


def test_older_place_of_hyperparameters(api, body):
    del body["method"]
    job = api.post(JOBS, {**body, "hyperparameters": {"n_epochs": 4}}).ok
    assert (job["method"]["type"], job["hyperparameters"]["n_epochs"]) == ("supervised", 4)
    job = api.post(JOBS, {**body, "method": {"type": CPT}, "hyperparameters": {"n_epochs": 5}}).ok
    assert (job["method"]["type"], job["hyperparameters"]["n_epochs"]) == (CPT, 5)


def test_running_job_reports_when_it_ends(world, api):
    run = world.training_run()
    begin(run.job)
    Job.objects.filter(pk=run.job_id).update(
        progress_done=30, progress_total=40, progress_unit="step", seconds_left=90.0
    )
    job = api.get(f"{JOBS}/{run.id}").ok
    assert job["status"] == "running" and job["finished_at"] is None
    assert job["estimated_finish"] > job["created_at"]
    progress = {"done": 30.0, "total": 40.0, "unit": "step", "seconds_left": 90.0}
    assert job["kosha"]["progress"] == progress


def test_finished_job_names_its_model(world, api):
    run = world.training_run(suffix="rules")
    world.trained(run.job)
    job = api.get(f"{JOBS}/{run.id}").ok
    assert (job["status"], job["trained_tokens"]) == ("succeeded", 1234)
    assert job["fine_tuned_model"].startswith("ft:gemma:kaku:rules:")
    assert job["finished_at"] >= job["created_at"] and job["estimated_finish"] is None
    continued = api.post(JOBS, {"model": job["fine_tuned_model"], "training_file": job["training_file"]}).ok
    assert continued["model"] == job["fine_tuned_model"]


def test_failed_job_names_its_error(world, api):
    run = world.training_run()
    fail(run.job)
    job = api.get(f"{JOBS}/{run.id}").ok
    assert (job["status"], job["error"]["code"]) == ("failed", "training.system.out_of_memory")


def test_jobs_are_listed_newest_first_in_pages(world, api):
    version = world.dataset_version()
    first, second = (world.training_run(version, suffix=suffix) for suffix in ("a", "b"))
    page = api.get(JOBS, limit=1).ok
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([second.id], True)
    page = api.get(JOBS, limit=1, after=second.id).ok
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([first.id], False)


def test_events_and_checkpoints_of_a_job(world, api):
    run = world.training_run()
    job = begin(run.job)
    JobEvent.objects.create(
        organization_id=run.organization_id, job=job, fence=1, type="log", level="warning", message="careful"
    )
    values = {"step": 20, "values": {"loss": 2.5}}
    JobEvent.objects.create(
        organization_id=run.organization_id, job=job, fence=1, type="metrics", data=values
    )
    metrics, warning, *earlier = api.get(f"{JOBS}/{run.id}/events").ok["data"]
    assert (metrics["type"], metrics["data"]) == ("metrics", values)
    assert (warning["type"], warning["level"], warning["message"]) == ("message", "warn", "careful")
    assert earlier and all(event["object"] == "fine_tuning.job.event" for event in earlier)
    rest = api.get(f"{JOBS}/{run.id}/events", after=warning["id"]).ok["data"]
    assert rest == earlier

    checkpoint_record(
        job=job,
        event=CheckpointSaved(
            sequence=9, time=1.0, step=20, path="checkpoints/20", manifest_sha256=DIGEST, values={"loss": 2.5}
        ),
    )
    (checkpoint,) = api.get(f"{JOBS}/{run.id}/checkpoints").ok["data"]
    assert (checkpoint["fine_tuning_job_id"], checkpoint["step_number"]) == (run.id, 20)
    assert checkpoint["metrics"] == {"step": 20, "loss": 2.5}


def test_job_pauses_resumes_and_cancels(world, api):
    run = world.training_run()
    for action, status in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        assert api.post(f"{JOBS}/{run.id}/{action}", {}).ok["status"] == status
    # Cancelling a cancelled job changes nothing; the other two are refused.
    assert api.post(f"{JOBS}/{run.id}/cancel", {}).ok["status"] == "cancelled"
    for action, code in (("pause", "job_not_running"), ("resume", "job_not_paused")):
        status, found, _param = api.post(f"{JOBS}/{run.id}/{action}", {}).error
        assert (status, found) == (409, code)


def test_absent_job_is_not_found(api):
    for path in ("", "/events", "/checkpoints"):
        assert api.get(f"{JOBS}/ftjob-nothing{path}").error[:2] == (404, "not_found")
    for action in ("pause", "resume", "cancel"):
        assert api.post(f"{JOBS}/ftjob-nothing/{action}", {}).error[:2] == (404, "not_found")
