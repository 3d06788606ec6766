"""The answers and pages of health, against the session's real database and broker."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.db.models.functions import Now
from django.test import Client

from accounts.services import user_create
from audit.services import SYSTEM
from common import queue
from health.models import SignOfLife
from health.parts import TROUBLES
from health.selectors import database_facts
from health.services import tick_note
from health.watch import watch
from jobs.models import Cluster, Job
from jobs.services import job_submit, jobs_wait
from jobs.types import Placement
from stack.service import Trouble

from ..jobs.conftest import make_job, organization  # noqa: F401 - fixtures
from ..jobs.work import Work

pytestmark = pytest.mark.slow

PARTS = [
    "database",
    "migrations",
    "broker",
    "workers",
    "beat",
    "queue",
    "audit",
    "parsers",
    "mail",
    "storage",
    "model_server",
    "replication",
]


@pytest.fixture(autouse=True)
def looked_at_anew(settings):
    # Nobody listens there: what a dead model server looks like.
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    # What other tests rang for and no worker has read would be taken for a worker's silence.
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(queue.QUEUE)
    watch.cache_clear()
    yield
    watch.cache_clear()


def test_liveness_asks_no_other_part(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readiness_reports_every_part(transactional_db, client):
    tick_note(worker="celery@here", by_beat=True)
    answer = client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "degraded")
    assert list(body["components"]) == PARTS
    said = {name: part["status"] for name, part in body["components"].items()}
    assert said["database"] == said["migrations"] == said["broker"] == said["workers"] == said["beat"] == "ok"
    assert (said["model_server"], said["replication"]) == ("down", "none")
    assert body["components"]["storage"]["free_bytes"] > 0
    assert body["components"]["workers"]["alive"] == 1
    assert "no-cache" in answer["Cache-Control"] or "no-store" in answer["Cache-Control"]


def test_new_installation_reports_what_it_has_not_seen(transactional_db, client):
    parts = client.get("/readyz").json()["components"]
    assert parts["beat"]["code"] == parts["workers"]["code"] == "not_seen_yet"


def test_tick_leaves_signs_of_life_and_forgets_old_workers(db):
    tick_note(worker="old", by_beat=False)
    SignOfLife.objects.update(seen_at=Now() - timedelta(days=2))
    assert database_facts().beat is None
    tick_note(worker="new", by_beat=True)
    facts = database_facts()
    assert len(facts.workers) == 1
    assert facts.age(facts.beat) < 5


def test_reports_a_job_that_could_start_and_waits(organization):  # noqa: F811
    cluster = Cluster.objects.create(
        name="null", launcher="null", cpus=2, memory_bytes=1 << 40, is_shared=True
    )
    first, second = (
        job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=cluster)) for _ in range(2)
    )
    Job.objects.update(created_at=Now() - timedelta(minutes=5))
    assert database_facts().oldest_waiting == pytest.approx(300, abs=5)
    # One that was looked at may have got its place a moment ago, since the last look at the latest.
    for job in (first, second):
        jobs_wait(jobs=[job], waits_for="place")
    tick_note(worker="celery@here", by_beat=True)
    SignOfLife.objects.update(seen_at=Now() - timedelta(seconds=40))
    assert database_facts().oldest_waiting == pytest.approx(40, abs=5)
    # One that waits for room on the disk waits for no worker.
    for job in (first, second):
        jobs_wait(jobs=[job], waits_for="disk")
    facts = database_facts()
    assert (facts.oldest_waiting, facts.waits_for_disk, facts.waits_for_workers) == (None, True, False)
    Job.objects.update(waits_for="workers")
    facts = database_facts()
    assert (facts.oldest_waiting, facts.waits_for_disk, facts.waits_for_workers) == (None, False, True)


def test_reports_an_unregistered_result(make_job):  # noqa: F811
    make_job("failed")
    Job.objects.update(ended_at=Now() - timedelta(minutes=2))
    assert database_facts().oldest_unfinalized == pytest.approx(120, abs=5)


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("editor", 403), ("viewer", 403)]
)
def test_page_by_role(live_world, role, status):
    client = Client()
    client.force_login(live_world.person(role))
    assert client.get("/health").status_code == status


def test_page_says_how_parsers_are_isolated(live_world):
    client = Client()
    client.force_login(live_world.person("owner"))
    shown = {}
    for isolation in (None, "namespaces", "limits"):
        live_world.document(f"{isolation}.txt", isolation=isolation)
        watch.cache_clear()
        part = client.get("/readyz").json()["components"]["parsers"]
        page = client.get("/health", headers={"Accept-Language": "en"}).content.decode()
        shown[isolation] = part["isolation"], part["status"], _parsers_figure(page)
    assert shown == {
        None: (None, "ok", "Parsers: known once a document has been read"),
        "namespaces": ("namespaces", "ok", "Parsers: isolated by namespaces of their own"),
        "limits": ("limits", "degraded", "Parsers: not isolated"),
    }


def _parsers_figure(page: str) -> str:
    row = page.partition('data-component="parsers"')[2]
    return row.partition('<small class="soft">')[2].partition("</small>")[0]


def test_operator_without_organization_sees_the_page(transactional_db):
    client = Client()
    client.force_login(user_create(email="op@example.com", name="op", is_operator=True))
    page = client.get("/health", headers={"Accept-Language": "en"}).content.decode()
    assert 'data-component="model_server"' in page
    assert 'data-state="down"' in page


@contextmanager
def supervisor_that_reports(folder: Path, **processes: dict) -> Iterator[None]:
    stack = {"pid": os.getpid(), "services": processes, "database_url": "postgresql://kosha:geheim@db/kosha"}
    path = folder / "stack.json"
    path.write_text(json.dumps(stack))
    yield
    path.unlink()


def test_shows_supervised_processes(live_world, settings, client):
    client.force_login(live_world.person("owner"))
    web = {"pid": 1, "restarts": 3, "state": "failing", "last_exit": -9, "log": "/secret/path"}
    with supervisor_that_reports(settings.KOSHA_VAR, web=web):
        page = client.get("/health").content.decode()
    assert ('data-state="failing"' in page and "−9" in page) or "-9" in page
    assert "geheim" not in page and "secret/path" not in page


@pytest.mark.parametrize(
    ("language", "what", "when"),
    [("en", "could not be started", "Next start in 2 min"), ("ja", "起動できませんでした", "次の起動まで")],
)
def test_shows_the_trouble_of_a_process_and_its_next_start(
    live_world, settings, client, language, what, when
):
    client.force_login(live_world.person("owner"))
    client.cookies["django_language"] = language
    postgres = {
        "pid": None,
        "restarts": 9,
        "state": "failing",
        "last_exit": 1,
        "trouble": "not_started",
        "reason": "could not be started: /secret/path is full",
        "next_start": time.time() + 125,
    }
    with supervisor_that_reports(settings.KOSHA_VAR, postgres=postgres, beat={"pid": 1, "state": "running"}):
        page = client.get("/health").content.decode()
    assert what in page and when in page
    assert page.count(when) == 1, "who runs is not started again"
    assert "secret/path" not in page


def test_every_trouble_has_its_text():
    assert set(TROUBLES) == {trouble.value for trouble in Trouble}


def test_banner_shows_each_outage_once(transactional_db, client):
    page = client.get("/health/banner", headers={"Accept-Language": "en"})
    assert 'data-outage="model_server"' in page.content.decode()
    assert "trainings work" in page.content.decode()
    assert client.get("/health/banner?seen=model_server:unreachable").status_code == 204
    assert client.get("/health/banner?seen=").status_code == 200


def test_pages_show_the_last_report_without_asking(live_world, client):
    client.force_login(live_world.person("viewer"))
    assert "data-outage" not in client.get("/").content.decode()
    client.get("/health/banner")
    assert 'data-outage="model_server"' in client.get("/").content.decode()
    assert 'data-outage="model_server"' in client.get("/jobs").content.decode()


def test_open_addresses_name_parts_only(live_world, client):
    """No name, address or text of anybody's."""
    shown = client.get("/readyz").content.decode() + client.get("/health/components").content.decode()
    assert live_world.organization.name not in shown
    assert "127.0.0.1" not in shown and "://" not in shown
