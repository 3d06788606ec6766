"""A new kind of job needs a type, a spec and an engine: it then runs, from the API to its page."""

from __future__ import annotations

import time

import pytest

from common.storage import runs_root
from jobs.failures import ErrorText
from jobs.models import Job
from jobs.services import job_submit
from jobs.types import GIBIBYTE, JobType, Size, UsualResources
from workers.orchestration.launchers.local.launcher import LocalLauncher
from workers.orchestration.reconcile import reconcile

from .toy_engine import ToyResult, ToySpec
from .work import registered

pytestmark = pytest.mark.slow

TOY = JobType(
    name="toy",
    label="Adding numbers",
    busy_label="Adding",
    spec=ToySpec,
    result=ToyResult,
    engine="tests.jobs.toy_engine",
    usual=UsualResources(memory_bytes=GIBIBYTE),
    size=lambda spec: Size.SHORT,
    disk_bytes=lambda spec: 8 * len(spec.numbers),
    errors={"user.nothing_to_add": ErrorText("There was nothing to add.", "Name some numbers.")},
)


def run_to_the_end(job: Job) -> None:
    deadline = time.monotonic() + 60
    while Job.objects.get(pk=job.pk).finalized_at is None:
        assert time.monotonic() < deadline, Job.objects.get(pk=job.pk).state
        reconcile({"local": LocalLauncher(runs_root())})
        time.sleep(0.05)


def test_a_toy_kind_runs_from_the_api_to_its_page(world, api):
    with registered(TOY):
        good = job_submit(spec=ToySpec(numbers=(1, 2, 39)), actor=world.actor)
        bad = job_submit(spec=ToySpec(numbers=()), actor=world.actor)
        run_to_the_end(good)
        run_to_the_end(bad)

        body = api.get(f"jobs/{good.id}").ok
        assert (body["kind"], body["status"], body["progress"]["done"]) == ("toy", "succeeded", 3)
        assert Job.objects.get(pk=good.pk).result == {"total": 42}
        assert api.get(f"jobs/{bad.id}").ok["error"]["code"] == "toy.user.nothing_to_add"
        assert {row["id"] for row in api.get("jobs", kind="toy").ok["data"]} == {good.id, bad.id}

        browser = world.browser()
        assert "Adding numbers" in browser.get(f"/jobs/{good.id}").content.decode()
        failed = browser.get(f"/jobs/{bad.id}").content.decode()
        assert "There was nothing to add." in failed and "Name some numbers." in failed
        assert browser.get("/jobs?kind=toy").content.decode().count("Adding numbers") == 3
    assert api.get("jobs", kind="toy").status == 400
