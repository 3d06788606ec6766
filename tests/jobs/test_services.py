"""Submitting, claiming at the same time, stale fences."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Organization
from audit.services import SYSTEM
from common.errors import Conflict, InvalidRequest, NotFound
from common.tenancy import organization_scope
from jobs import services
from jobs.clusters import cluster_default
from jobs.models import Cluster, ClusterGrant, Job, JobEvent
from jobs.selectors import job_events, job_get, job_list, public_state
from jobs.services import job_submit
from jobs.transitions import JobState
from jobs.types import Placement, Resources, job_types
from workers.contract.specs.run import RunError

from .work import LightWork, Work


def at_once(count, act):
    """Call `act(number)` from `count` threads that start together."""
    barrier = Barrier(count)

    def run(number):
        try:
            barrier.wait(30)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_simultaneous_claims_succeeds(make_job, organization):
    job = make_job()

    def claim(_number):
        with organization_scope(organization.id):
            return services.job_claim(job=Job.objects.get(pk=job.pk))

    answers = at_once(50, claim)
    job.refresh_from_db()
    assert answers.count(True) == 1
    assert answers.count(False) == 49
    assert (job.state, job.fence, job.attempt) == (JobState.STARTING, 1, 1)
    assert JobEvent.objects.filter(job=job).count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_key_sent_ten_times_at_once_makes_one_job(organization):
    def submit(_number):
        with organization_scope(organization.id):
            return job_submit(spec=LightWork(), actor=SYSTEM, idempotency_key="k").id

    assert len(set(at_once(10, submit))) == 1
    assert Job.objects.count() == 1


def test_a_claim_takes_its_lease_from_the_database_clock(make_job):
    job = make_job()
    services.job_claim(job=job)
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM lease_until - now()) FROM jobs_job WHERE id = %s", [job.id])
        (seconds,) = cursor.fetchone()
    assert 0 < seconds <= services.LEASE.total_seconds() + 1


STALE_WRITES = {
    "started": lambda job: services.job_started(job=job),
    "launched": lambda job: services.job_launched(job=job, handle={"late": True}),
    "polled": lambda job: services.job_polled(job=job, heartbeat_mtime=7),
    "lease": lambda job: services.job_lease_extend(job=job),
    "events_imported": lambda job: services.job_events_imported(job=job, offset=9, events=[]),
    "stop_sent": lambda job: services.job_stop_sent(job=job, kill_after=services.LEASE),
    "requeue": lambda job: services.job_requeue(job=job, reason="late"),
    "succeeded": lambda job: services.job_succeeded(job=job, result={"late": True}),
    "failed": lambda job: services.job_failed(
        job=job, error=RunError(code="work.system.late", message="Late.")
    ),
    "paused": lambda job: services.job_paused(job=job),
    "cancelled": lambda job: services.job_cancelled(job=job),
}


@pytest.mark.parametrize(
    "state", [JobState.STARTING, JobState.RUNNING, JobState.PAUSING, JobState.CANCELLING]
)
@pytest.mark.parametrize("write", STALE_WRITES)
def test_a_stale_fence_changes_nothing(make_job, write, state):
    job = make_job(JobState.RUNNING)
    stale = Job.objects.get(pk=job.pk)
    services.job_requeue(job=job, reason="lost")
    services.job_claim(job=Job.objects.get(pk=job.pk))
    if state != JobState.STARTING:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE jobs_job SET state = %s WHERE id = %s", [state, job.id])
    stale.state = state
    before = Job.objects.filter(pk=job.pk).values().get()
    events = JobEvent.objects.filter(job=job).count()
    assert not STALE_WRITES[write](stale)
    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert JobEvent.objects.filter(job=job).count() == events


def test_the_same_key_and_request_returns_the_first_job(organization):
    first = job_submit(spec=Work(), actor=SYSTEM, idempotency_key="a")
    assert job_submit(spec=Work(), actor=SYSTEM, idempotency_key="a").id == first.id
    assert Job.objects.count() == 1


def test_the_same_key_for_another_request_is_a_conflict(organization):
    job_submit(spec=Work(), actor=SYSTEM, idempotency_key="a")
    with pytest.raises(Conflict) as refusal:
        job_submit(spec=Work(items=4), actor=SYSTEM, idempotency_key="a")
    assert refusal.value.code == "idempotency_key_reused"


def test_idempotency_keys_of_two_organizations_are_independent(organization):
    job_submit(spec=Work(), actor=SYSTEM, idempotency_key="a")
    other = Organization.objects.create(name="他社", slug="other")
    with organization_scope(other.id):
        job = job_submit(spec=Work(items=4), actor=SYSTEM, idempotency_key="a")
        assert job_list().count() == 1
    with pytest.raises(NotFound):
        job_get(job.id)


def test_one_type_takes_every_core_and_a_light_one_none(organization):
    cluster = Cluster.objects.create(
        name="big", launcher="null", cpus=16, memory_bytes=1 << 40, is_shared=True
    )
    heavy = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=cluster))
    light = job_submit(spec=LightWork(), actor=SYSTEM, placement=Placement(cluster=cluster))
    assert (heavy.cpus, heavy.light) == (16, 0)
    assert (light.cpus, light.light) == (0, 1)


def test_a_gpu_takes_its_share_of_the_cores(organization):
    cluster = Cluster.objects.create(
        name="gpus", launcher="null", cpus=64, gpus=8, memory_bytes=1 << 40, is_shared=True
    )
    heavy = job_submit(spec=Work(processes=2), actor=SYSTEM, placement=Placement(cluster=cluster))
    assert (heavy.gpus, heavy.cpus) == (2, 16)


def test_refuses_what_can_never_fit(organization):
    cluster = Cluster.objects.create(
        name="small", launcher="null", cpus=2, memory_bytes=1 << 30, is_shared=True
    )
    with pytest.raises(InvalidRequest) as refusal:
        job_submit(
            spec=Work(), actor=SYSTEM, placement=Placement(cluster=cluster, resources=Resources(cpus=3))
        )
    assert (refusal.value.code, refusal.value.param) == ("resources_exceed_cluster", "kosha.resources.cpus")


def test_a_cluster_needs_a_grant_unless_it_is_shared(organization):
    cluster = Cluster.objects.create(name="lent", launcher="null", cpus=2, memory_bytes=1 << 40)
    with pytest.raises(NotFound):
        job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=cluster))
    ClusterGrant.objects.create(cluster=cluster)
    assert job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=cluster)).cluster == cluster


def test_success_is_not_shown_before_it_is_finalized(make_job):
    job = make_job(JobState.SUCCEEDED)
    assert public_state(job) == "running"
    assert [row.id for row in job_list(state="running")] == [job.id]
    assert not job_list(state="succeeded").exists()
    services.job_finalized(job=job)
    job.refresh_from_db()
    assert public_state(job) == "succeeded"
    assert [row.id for row in job_list(state="succeeded")] == [job.id]


def test_events_after_a_given_one_come_in_order(make_job):
    job = make_job()
    for number in range(3):
        services.event_write(job, "log", str(number))
    first, *_rest = job_events(job)
    assert [event.message for event in job_events(job, after=first.id)] == ["1", "2"]
    assert [event.message for event in job_events(job, limit=2)] == ["0", "1"]


def test_every_job_type_names_its_engine():
    types = job_types()
    folders = {"page_pictures": "ingest.pictures"}
    assert {known.name: known.engine for known in types} == {
        known.name: f"workers.engines.{folders.get(known.name, known.name)}" for known in types
    }
    assert all(find_spec(known.engine) for known in types)
    assert [known.name for known in types if known.can_pause] == ["training"]


@pytest.mark.django_db
def test_the_machine_gives_jobs_the_configured_cores(settings):
    settings.KOSHA_JOB_CORES = 1
    assert cluster_default().cpus == 1
    settings.KOSHA_JOB_CORES = 3  # settled when the first job came
    assert cluster_default().cpus == 1
