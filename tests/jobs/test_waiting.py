"""Why a queued job waits, its place in line, and that whatever runs or waits can be stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from accounts.models import Organization
from audit.services import SYSTEM
from common.errors import KoshaError
from common.tenancy import organization_scope
from jobs.models import Cluster, Job, WaitsFor
from jobs.services import job_cancel
from jobs.transitions import JobState
from jobs.types import Placement, Resources
from jobs.waiting import Reason, waiting_of

from .work import OneCoreWork


@pytest.fixture
def cluster(db) -> Cluster:
    return Cluster.objects.create(
        name="small", launcher="null", cpus=4, gpus=1, memory_bytes=64 << 30, light_slots=1, is_shared=True
    )


@pytest.fixture
def submit(make_job, cluster):
    def make(state: JobState = JobState.QUEUED, **resources: int) -> Job:
        placement = Placement(cluster=cluster, resources=Resources(**{"memory_bytes": 1, **resources}))
        job = make_job(state, spec=OneCoreWork(), placement=placement)
        return Job.objects.select_related("cluster").get(pk=job.pk)

    return make


def waiting(job: Job):
    with translation.override("en"):
        return waiting_of([Job.objects.select_related("cluster").get(pk=job.pk)]).get(job.id)


def test_a_job_that_fits_starts_soon(submit):
    found = waiting(submit(cpus=1))
    assert (found.reason, found.place) == (Reason.SOON, 1)


@pytest.mark.parametrize(
    ("running", "asked", "reason", "words"),
    [
        ({"cpus": 3}, {"cpus": 2}, Reason.CPUS, "It needs 2 cores; the cluster has 1 of 4 free."),
        (
            {"cpus": 1, "gpus": 1},
            {"cpus": 1, "gpus": 1},
            Reason.GPUS,
            "It needs 1 GPU; the cluster has 0 of 1",
        ),
        ({"cpus": 1, "memory_bytes": 40 << 30}, {"cpus": 1, "memory_bytes": 32 << 30}, Reason.MEMORY, "32"),
        ({"cpus": 0}, {"cpus": 0}, Reason.LIGHT, "Every place for short jobs is taken."),
    ],
)
def test_says_what_the_cluster_lacks(submit, running, asked, reason, words):
    submit(JobState.RUNNING, **running)
    found = waiting(submit(**asked))
    assert (found.reason, found.place) == (reason, 1)
    assert words in found.message


def test_places_count_the_jobs_before_it_and_those_behind_a_large_one_wait_their_turn(submit):
    submit(JobState.RUNNING, cpus=3)
    assert not waiting(submit(cpus=0)).message.count("other organizations")
    job_cancel(job=Job.objects.latest("id"), actor=SYSTEM)
    large, small, light = submit(cpus=4), submit(cpus=1), submit(cpus=0)
    found = waiting_of(Job.objects.select_related("cluster").filter(state=JobState.QUEUED))
    assert [(found[job.id].reason, found[job.id].place) for job in (large, small, light)] == [
        (Reason.CPUS, 1),
        (Reason.TURN, 2),
        (Reason.SOON, 1),
    ]
    assert [found[job.id].is_light for job in (large, small, light)] == [False, False, True]


def test_jobs_of_other_organizations_count_by_number_alone(submit, cluster):
    other = Organization.objects.create(name="秘密商事", slug="himitsu")
    with organization_scope(other.id):
        submit(cpus=4)
        submit(cpus=4)
    found = waiting(submit(cpus=4))
    assert found.place in (2, 3)
    assert "Jobs of other organizations are before it." in found.message
    assert "秘密" not in found.message and "himitsu" not in found.message


@pytest.mark.parametrize(
    ("change", "reason", "place", "needs_a_person"),
    [
        ({"waits_for": WaitsFor.DISK, "disk_bytes": 3 << 30}, Reason.DISK, 1, True),
        ({"waits_for": WaitsFor.WORKERS, "release": "9.0.0"}, Reason.WORKERS, 1, True),
        ({"created_at": timezone.now() - timedelta(minutes=1)}, Reason.LATE, 1, True),
        ({"not_before": timezone.now() + timedelta(hours=1)}, Reason.RETRY_LATER, None, False),
    ],
)
def test_says_what_else_it_waits_for(submit, change, reason, place, needs_a_person):
    job = submit(cpus=1)
    Job.objects.filter(pk=job.pk).update(**change)
    found = waiting(job)
    assert (found.reason, found.place, found.needs_a_person) == (reason, place, needs_a_person)
    assert found.message


def test_a_paused_cluster_starts_nothing(submit, cluster):
    job = submit(cpus=1)
    Cluster.objects.filter(pk=cluster.pk).update(is_active=False)
    found = waiting(job)
    assert (found.reason, found.place) == (Reason.CLUSTER_PAUSED, 1)
    assert "small" in found.message


@pytest.mark.parametrize("state", list(JobState))
def test_a_job_can_be_stopped_wherever_the_page_offers_it(submit, state):
    job = submit(state, cpus=1)
    assert (waiting(job) is not None) == (state == JobState.QUEUED)
    stoppable = job.can_stop
    try:
        after = job_cancel(job=job, actor=SYSTEM)
    except KoshaError:
        assert not stoppable
    else:
        assert after.state in (JobState.CANCELLING, JobState.CANCELLED)
        assert stoppable or state in (JobState.CANCELLING, JobState.CANCELLED)
