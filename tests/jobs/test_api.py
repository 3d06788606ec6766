"""/v1/jobs over HTTP."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import Organization
from accounts.services import api_key_create
from audit.models import AuditEvent
from audit.services import SYSTEM
from common.tenancy import organization_scope
from jobs.models import Job
from jobs.services import event_write, job_cancelled, job_failed, job_finalized
from jobs.transitions import JobState
from jobs.types import GIBIBYTE
from workers.contract.specs.run import RunError

from .work import LightWork, Work


@pytest.fixture
def call(client, organization):
    """Send a request as an editor of the organization; answers (status, JSON)."""
    _key, secret = api_key_create(name="test", role="editor", actor=SYSTEM, person=None, by_role=None)

    def send(method, path, key=secret, **query):
        answer = client.generic(
            method, f"/v1/{path}", query_params=query, headers={"Authorization": f"Bearer {key}"}
        )
        return answer.status_code, answer.json()

    return send


def test_shows_a_job(call, make_job):
    job = make_job()
    status, body = call("GET", f"jobs/{job.id}")
    assert status == 200
    waiting = body["waiting"]
    assert body == {
        "id": job.id,
        "object": "job",
        "kind": "work",
        "status": "queued",
        "attempt": 0,
        "created_at": int(job.created_at.timestamp()),
        "started_at": None,
        "finished_at": None,
        "waiting": {"code": "soon", "message": waiting["message"], "place": 1, "needed_bytes": None},
        "progress": None,
        "error": None,
        "cluster": "local",
        "priority": 0,
        "resources": {"cpus": job.cpus, "gpus": 0, "memory_bytes": GIBIBYTE},
    }


def test_shows_progress_and_failure(call, make_job):
    job = make_job(JobState.RUNNING)
    Job.objects.filter(pk=job.pk).update(
        progress_done=3, progress_total=9, progress_unit="step", seconds_left=1.5
    )
    job_failed(job=job, error=RunError(code="work.user.empty_dataset", message="Empty.", param="dataset"))
    _status, body = call("GET", f"jobs/{job.id}")
    assert body["status"] == "failed"
    assert body["progress"] == {"done": 3, "total": 9, "unit": "step", "seconds_left": None}
    assert body["error"] == {"code": "work.user.empty_dataset", "message": "Empty.", "param": "dataset"}
    assert body["finished_at"] is not None


def test_success_is_running_until_finalized(call, make_job):
    job = make_job(JobState.SUCCEEDED)
    Job.objects.filter(pk=job.pk).update(ended_at=job.created_at)
    _status, body = call("GET", f"jobs/{job.id}")
    assert (body["status"], body["finished_at"]) == ("running", None)
    job_finalized(job=job)
    _status, body = call("GET", f"jobs/{job.id}")
    assert body["status"] == "succeeded"
    assert body["finished_at"] is not None


def test_the_list_is_filtered_and_paged(call, make_job):
    jobs = [make_job(state, spec=spec) for spec in (LightWork(), Work()) for state in ("queued", "running")]
    _status, body = call("GET", "jobs", limit=3)
    assert [row["id"] for row in body["data"]] == [job.id for job in reversed(jobs)][:3]
    assert body["has_more"]
    _status, body = call("GET", "jobs", limit=3, after=body["last_id"])
    assert [row["id"] for row in body["data"]] == [jobs[0].id]
    _status, body = call("GET", "jobs", kind="work", state="running")
    assert [row["id"] for row in body["data"]] == [jobs[3].id]
    status, body = call("GET", "jobs", kind="nothing")
    assert (status, body["error"]["param"]) == (400, "kind")


def test_events_are_paged_by_their_ids(call, make_job):
    job = make_job()
    for number in range(3):
        event_write(job, "log", f"m{number}", level="warning")
    _status, body = call("GET", f"jobs/{job.id}/events", order="asc", limit=2)
    assert [row["message"] for row in body["data"]] == ["m0", "m1"]
    assert body["data"][0]["level"] == "warning"
    _status, body = call("GET", f"jobs/{job.id}/events", order="asc", after=body["last_id"])
    assert [row["message"] for row in body["data"]] == ["m2"]
    status, body = call("GET", f"jobs/{job.id}/events", after="nonsense")
    assert (status, body["error"]["param"]) == (400, "after")


def test_cancelling_is_repeatable_and_refused_after_another_end(call, make_job):
    job = make_job(JobState.RUNNING)
    for _ in range(2):
        status, body = call("POST", f"jobs/{job.id}/cancel")
        assert (status, body["status"]) == (200, "cancelling")
    event = AuditEvent.objects.get(target_id=job.id, action="job.cancelling")
    assert (event.actor_kind, event.actor_label.split()[0]) == ("api_key", "test")
    job.refresh_from_db()
    assert job_cancelled(job=job)
    assert call("POST", f"jobs/{job.id}/cancel")[1]["status"] == "cancelled"
    status, body = call("POST", f"jobs/{make_job(JobState.FAILED).id}/cancel")
    assert (status, body["error"]["code"]) == (409, "job_has_ended")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/events"), ("POST", "/cancel")])
def test_a_job_of_another_organization_is_not_found(call, make_job, method, path):
    job = make_job()
    other = Organization.objects.create(name="他社", slug="other")
    with organization_scope(other.id):
        _key, secret = api_key_create(name="other", role="owner", actor=SYSTEM, person=None, by_role=None)
    foreign = call(method, f"jobs/{job.id}{path}", key=secret)
    absent = call(method, f"jobs/job_{'0' * 26}{path}", key=secret)
    assert foreign[0] == 404
    assert foreign == absent


def test_the_list_takes_the_same_queries_for_one_and_many(call, make_job, django_assert_max_num_queries):
    make_job()
    with django_assert_max_num_queries(100) as few:
        call("GET", "jobs")
    for _ in range(5):
        make_job()
    with django_assert_max_num_queries(len(few)):
        _status, body = call("GET", "jobs")
    assert [row["waiting"]["place"] for row in body["data"]] == [6, 5, 4, 3, 2, 1]
    assert connection.vendor == "postgresql"
