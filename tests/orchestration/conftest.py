"""Jobs with real files, a launcher that runs nothing, and one that really runs a small engine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from audit.services import SYSTEM
from jobs.models import Cluster, Job
from jobs.services import job_submit
from jobs.types import Placement, follow
from workers.orchestration.launchers.local.launcher import LocalLauncher
from workers.orchestration.reconcile import reconcile

from ..jobs.conftest import make_job, organization  # noqa: F401 - fixtures
from ..jobs.work import WORK_TYPES, Work, registered, work_type
from .null_launcher import NullLauncher
from .probe_engine import ProbeSpec

TIMEOUT = 40.0


@pytest.fixture
def null_launcher():
    return NullLauncher()


@pytest.fixture
def null_cluster(organization):  # noqa: F811
    return Cluster.objects.create(
        name="null", launcher="null", cpus=4, gpus=0, memory_bytes=1 << 40, is_shared=True
    )


@pytest.fixture
def finalized(organization):  # noqa: F811
    """Ids of finalized jobs, in order."""
    ids = []
    for each in WORK_TYPES:
        follow(each.name, lambda job: ids.append(job.id))
    return ids


@pytest.fixture
def tick(null_launcher, organization):  # noqa: F811
    """One tick of reconcile with the null launcher."""

    def once():
        reconcile({"null": null_launcher})

    return once


@pytest.fixture
def running(null_cluster, tick):
    """A job that runs."""
    job = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    tick()
    tick()
    job.refresh_from_db()
    assert (job.state, job.fence) == ("running", 1)
    return job


class Installation:
    """One machine with the local launcher and the probe engine."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.ended: list[str] = []

    def submit(self, **spec) -> Job:
        return job_submit(spec=ProbeSpec(**spec), actor=SYSTEM)

    def tick(self) -> None:
        """Each tick makes a launcher of its own, like a worker that was just started."""
        reconcile({"local": LocalLauncher(self.runs)})

    def until(self, job: Job, *states: str) -> Job:
        """Tick until the job is in one of the states."""
        return self.until_true(lambda: self.fresh(job).state in states, job)

    def until_true(self, happened, job: Job) -> Job:
        deadline = time.monotonic() + TIMEOUT
        while not happened():
            assert time.monotonic() < deadline, self.story(job)
            self.tick()
            time.sleep(0.05)
        return self.fresh(job)

    def fresh(self, job: Job) -> Job:
        return Job.objects.get(pk=job.pk)

    def owner(self, job: Job) -> int:
        return json.loads((job.run_dir / "owner").read_text())["pid"]

    def engine(self, job: Job) -> int:
        for line in (job.run_dir / "events.jsonl").read_text().splitlines():
            event = json.loads(line)
            if event["type"] == "started":
                return event["pid"]
        raise AssertionError("the engine has not started")

    def story(self, job: Job) -> str:
        job = self.fresh(job)
        logs = [path.read_text() for path in job.run_dir.glob("*.log")] if job.run_dir.exists() else []
        return f"{job.state} fence {job.fence} {job.error_code}: {logs}"

    def end(self) -> None:
        launcher = LocalLauncher(self.runs)
        for run in launcher.running():
            assert launcher.kill(run)


@pytest.fixture
def installation(organization, storage):  # noqa: F811
    installation = Installation(storage / "runs")
    probe = work_type("probe", ProbeSpec, can_pause=True)
    with registered(probe):
        follow("probe", lambda job: installation.ended.append(job.id))
        yield installation
        installation.end()


def signal_if_alive(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
