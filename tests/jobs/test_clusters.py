"""The built-in cluster follows its machine, and keeps figures that were set by hand."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.tenancy import every_organization
from jobs import clusters
from jobs.clusters import cluster_default, cluster_measure
from jobs.models import Cluster, Job
from jobs.transitions import JobState
from jobs.types import Placement, Resources
from workers.orchestration.app import app

from .work import LightWork

OLD = {"cpus": 64, "memory_bytes": 1 << 38}
NEW = {"cpus": 8, "memory_bytes": 1 << 34}


@pytest.fixture
def machine(monkeypatch):
    def become(figures: dict[str, int]) -> None:
        monkeypatch.setattr(clusters, "_machine", lambda: figures)

    become(OLD)
    return become


def figures() -> dict[str, int]:
    return Cluster.objects.values("cpus", "memory_bytes").get(name="local")


def test_measures_a_replaced_machine(db, machine):
    cluster_default()
    machine(NEW)
    cluster_measure()
    assert figures() == NEW
    machine(OLD)
    cluster_measure()
    assert figures() == OLD


def test_beat_measures_the_machine(db, machine):
    cluster_default()
    machine(NEW)
    assert "jobs.measure_machine" in {entry["task"] for entry in app.conf.beat_schedule.values()}
    app.loader.import_default_modules()
    app.tasks["jobs.measure_machine"]()
    assert figures() == NEW


def test_keeps_figures_set_by_hand_and_updates_the_others(db, machine):
    cluster_default()
    Cluster.objects.update(cpus=8)
    for found in (NEW, OLD, NEW):
        machine(found)
        cluster_measure()
        assert figures() == {"cpus": 8, "memory_bytes": found["memory_bytes"]}


def test_the_same_machine_changes_nothing(db, machine):
    cluster_default()
    cluster_measure()
    with every_organization("test"):
        assert not AuditEvent.objects.filter(action="cluster.measured").exists()


def test_measures_nothing_without_a_built_in_cluster(db, machine):
    cluster_measure()
    assert not Cluster.objects.exists()


def test_does_not_change_other_clusters(db, machine):
    cluster_default()
    Cluster.objects.create(name="gpu", launcher="kubernetes", **OLD)
    machine(NEW)
    cluster_measure()
    assert Cluster.objects.values("cpus", "memory_bytes").get(name="gpu") == OLD


def test_waiting_jobs_are_cut_to_the_smaller_machine(make_job, machine):
    waiting = make_job(placement=Placement(resources=Resources(cpus=64, memory_bytes=1 << 36)))
    small = make_job(spec=LightWork())
    ended = make_job(JobState.FAILED)
    machine(NEW)
    cluster_measure()

    def need(job):
        return Job.objects.values_list("cpus", "memory_bytes").get(pk=job.pk)

    # A quarter of the memory is for light jobs.
    assert need(waiting) == (8, 3 << 32)
    assert need(small) == (0, 1 << 30)
    assert need(ended)[0] == 64
