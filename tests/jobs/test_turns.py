"""In which order the jobs of many organizations are served."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from accounts.models import Organization
from common.tenancy import every_organization
from jobs.capacity import due_jobs, in_turn
from jobs.models import Cluster, Job
from jobs.transitions import JobState

from .conftest import move_by_sql, path_to

pytestmark = pytest.mark.slow

MANY = 300


@pytest.fixture
def cluster(db) -> Cluster:
    return Cluster.objects.create(
        name="shared", launcher="null", cpus=4, memory_bytes=1 << 40, is_shared=True
    )


def put(cluster: Cluster, slugs: str, state: JobState = JobState.QUEUED, **columns) -> None:
    """A job for each letter, which names its organization; its id is its number and that letter."""
    for letter in sorted(set(slugs)):
        Organization.objects.get_or_create(pk=f"org_{letter}", defaults={"name": letter, "slug": letter})
    already = Job.objects.count()
    jobs = Job.objects.bulk_create(
        Job(
            id=f"job_{already + number:04}{letter}",
            organization_id=f"org_{letter}",
            kind="work",
            spec={},
            cluster=cluster,
            cpus=0,
            memory_bytes=1,
            **{"light": 1, **columns},
        )
        for number, letter in enumerate(slugs)
    )
    for job in jobs:
        for step in path_to(state):
            move_by_sql(job, step)


def served(cluster: Cluster, limit: int = 100) -> str:
    return "".join(job.id[-1] for job in in_turn(due_jobs(cluster), limit))


@pytest.mark.parametrize(
    ("running", "ended", "waiting", "order"),
    [
        # One organization alone is served by age; of several each takes its turn.
        ("", "", "aaa", "aaa"),
        ("", "", "aaaab", "abaaa"),
        ("", "", "aaabbc", "abcaba"),
        # What an organization runs counts: it has had its turns.
        ("aa", "", "aab", "baa"),
        ("ab", "", "aabb", "abab"),
        ("aab", "", "aabb", "baba"),
        # Among equals the one that was served longest ago comes first, and one that never was before it.
        ("", "ab", "bbaa", "abab"),
        ("", "ab", "bac", "cab"),
        ("", "a", "aaaab", "baaaa"),
    ],
)
def test_organizations_take_turns(cluster, running, ended, waiting, order):
    with every_organization("test"):
        put(cluster, ended, JobState.SUCCEEDED)
        put(cluster, running, JobState.RUNNING)
        for number, job in enumerate(Job.objects.order_by("id")):
            Job.objects.filter(pk=job.pk).update(
                claimed_at=Now() - timedelta(hours=1) + timedelta(seconds=number)
            )
        put(cluster, waiting)
        assert served(cluster) == order


def test_a_priority_counts_within_its_organization(cluster):
    with every_organization("test"):
        put(cluster, "ab")
        put(cluster, "a", priority=9)
        assert [job.id for job in in_turn(due_jobs(cluster), 9)] == ["job_0002a", "job_0001b", "job_0000a"]


def test_a_training_of_ones_own_delays_no_small_job(cluster):
    with every_organization("test"):
        put(cluster, "a", JobState.RUNNING, light=0)
        put(cluster, "ba")
        put(cluster, "b", light=0)
        assert [job.light for job in in_turn(due_jobs(cluster), 9)] == [1, 1, 0]
        assert served(cluster) == "bab"


def test_a_full_queue_of_small_jobs_hides_no_other(cluster):
    with every_organization("test"):
        put(cluster, "a" * 30)
        put(cluster, "b", light=0)
        assert served(cluster, limit=5) == "aaaaab"


def test_nobody_starves_among_hundreds(cluster, django_assert_max_num_queries):
    """Each of three hundred organizations is served once before one is served twice, whatever the first one queues."""
    first, others = "org_0000", [f"org_{number:04}" for number in range(1, MANY)]
    Organization.objects.bulk_create(
        Organization(pk=pk, name=pk, slug=pk.replace("_", "-")) for pk in [first, *others]
    )
    owners = [first] * 2 * MANY + others
    with every_organization("test"):
        Job.objects.bulk_create(
            Job(
                id=f"job_{n:05}",
                organization_id=owner,
                kind="work",
                spec={},
                cluster=cluster,
                cpus=0,
                memory_bytes=1,
                light=1,
            )
            for n, owner in enumerate(owners)
        )
        seen: list[str] = []
        while len(seen) < MANY:
            with django_assert_max_num_queries(2):
                batch = in_turn(due_jobs(cluster), 100)
            seen += [job.organization_id for job in batch]
            Job.objects.filter(pk__in=[job.pk for job in batch]).update(
                state="starting", fence=1, claimed_at=Now()
            )
            Job.objects.filter(state="starting").update(state="failed")
    assert len(set(seen[: MANY - 99])) >= MANY - 100
    assert set(seen) >= set(others[: MANY - 100])
