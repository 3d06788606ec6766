"""Finalizing is repeated, later each time, until it succeeds; it delays no other job."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from audit.services import SYSTEM
from common.tenancy import every_organization
from jobs.models import Cluster, Job
from jobs.services import job_submit
from jobs.types import Placement, follow
from workers.orchestration.launchers.base import Exited
from workers.orchestration.reconcile import reconcile
from workers.orchestration.run_setup import run_of

from ..jobs.work import OneCoreWork
from .run_states import (
    DONE,
    fresh,
    write_result,
)


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
