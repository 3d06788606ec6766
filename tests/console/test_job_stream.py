"""A job's stream of events: in the reader's language, resumed where it broke off, closed with the job."""

from __future__ import annotations

import re

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from accounts.principal import Principal
from jobs.models import Job
from jobs.services import event_write, job_cancel
from jobs.stream import Follower

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(company) -> Job:
    version = company.version(company.dataset(), company.document(), state="building")
    with company.scope():
        return Job.objects.get(pk=version.job_id)


def messages(body: str) -> list[tuple[str, str]]:
    return re.findall(r"event: (\w+)\n(.*?)\n\n", body, flags=re.S)


def body_of(response) -> str:
    """All of a stream that ends by itself."""

    async def read() -> bytes:
        return b"".join([part async for part in response.streaming_content])

    return async_to_sync(read)().decode()


def test_the_stream_of_an_ended_job_sends_its_events_and_closes(company, job):
    with company.scope():
        event_write(job, "log", "<b>read</b> 3 of 4", level="warning")
        job_cancel(job=job, actor=company.actor())
    response = company.client("viewer", "ja").get(f"/jobs/{job.id}/stream")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    received = messages(body_of(response))
    assert [name for name, _data in received] == ["event", "event", "head", "status", "end"]
    assert "&lt;b&gt;read&lt;/b&gt;" in received[0][1]
    assert "中止" in received[1][1] or "キャンセル" in received[1][1]
    assert all(line.startswith(("data: ", "id: ")) for _name, data in received for line in data.splitlines())


def test_a_stream_resumes_after_the_last_event_that_arrived(company, job):
    with company.scope():
        event_write(job, "log", "first")
        event_write(job, "log", "second")
        job_cancel(job=job, actor=company.actor())
    client = company.client("viewer", "en")
    ids = re.findall(r"^id: (\d+)$", body_of(client.get(f"/jobs/{job.id}/stream")), flags=re.M)
    resumed = body_of(client.get(f"/jobs/{job.id}/stream?after=0", headers={"Last-Event-ID": ids[0]}))
    assert "first" not in resumed
    assert "second" in resumed


def test_sends_nothing_while_nothing_is_new(company, job):
    user = company.user("editor")
    principal = Principal(company.actor("editor"), company.organization.id, "editor", user)
    follower = Follower(job_id=job.id, principal=principal, after=0, language="en", csrf_token="x" * 64)
    first = "".join(follower.look())
    assert "cancel-job" in first
    assert follower.look() == []
    with company.scope():
        event_write(job, "log", "a word")
    assert [name for name, _data in messages("".join(follower.look()))] == ["event"]
    assert connection.connection is None, "a waiting stream holds no connection"


def test_the_stream_of_another_organization_is_absent(stranger, job):
    assert stranger.client("owner").get(f"/jobs/{job.id}/stream").status_code == 404
