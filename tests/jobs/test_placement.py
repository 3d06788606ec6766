"""Where a job runs, how soon, and with how much: asked for through the API, and what is refused."""

from __future__ import annotations

import pytest

from accounts.models import Organization
from audit.services import SYSTEM
from common.tenancy import every_organization, organization_scope
from jobs.capacity import due_jobs, in_turn
from jobs.models import Cluster, ClusterGrant, Job
from jobs.services import job_submit
from jobs.types import Placement

from .work import WORK_TYPES, LightWork, registered

pytestmark = pytest.mark.slow

GIBIBYTE = 1 << 30


@pytest.fixture
def cluster(world) -> Cluster:
    """Lent to the organization."""
    cluster = Cluster.objects.create(
        name="gpu-1", launcher="null", cpus=16, gpus=4, memory_bytes=64 * GIBIBYTE
    )
    ClusterGrant.objects.create(cluster=cluster)
    return cluster


def requests(world) -> dict[str, tuple[str, dict]]:
    """Every request that starts a job: its path and body."""
    version = world.dataset_version()
    model = world.model_version(version=version)
    return {
        "training": ("fine_tuning/jobs", {"model": "gemma", "training_file": version.id, "method": {"type": "continued_pretraining"}}),
        "curation": (f"datasets/{version.dataset_id}/versions", {}),
        "evaluation": (
            f"evals/{world.suite().id}/runs",
            {"data_source": {"dataset_version": version.id, "model": model.name}},
        ),
        "export": (f"models/{model.name}/exports", {"format": "adapter"}),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["training", "curation", "evaluation", "export"])
def test_every_request_that_starts_a_job_takes_a_placement(world, api, cluster, kind):
    path, body = requests(world)[kind]
    asked = {"cpus": 8, "gpus": 2, "memory_bytes": 5 * GIBIBYTE}
    kosha = {"cluster": "gpu-1", "priority": 7, "resources": asked}
    made = api.post(path, {**body, "kosha": kosha}).ok
    job = api.get(f"jobs/{made['kosha']['job'] if kind == 'training' else made['job']}").ok
    assert (job["kind"], job["cluster"], job["priority"], job["resources"]) == (kind, "gpu-1", 7, asked)
    if kind == "training":
        assert {name: made["kosha"][name] for name in kosha} == kosha


def test_usual_values_replace_what_is_left_out(world, api, cluster):
    path, body = requests(world)["training"]
    made = api.post(path, {**body, "kosha": {"cluster": cluster.id}}).ok["kosha"]
    assert (made["cluster"], made["priority"]) == ("gpu-1", 0)
    # One process takes one GPU, with its share of the cores.
    assert made["resources"] == {"cpus": 4, "gpus": 1, "memory_bytes": 4 * GIBIBYTE}
    assert api.post(path, {**body, "seed": 2}).ok["kosha"]["cluster"] == "local"


@pytest.mark.parametrize(
    ("kosha", "status", "code", "param"),
    [
        ({"cluster": "nowhere"}, 400, "unknown_cluster", "kosha.cluster"),
        ({"cluster": "not-lent"}, 400, "unknown_cluster", "kosha.cluster"),
        ({"cluster": "closed"}, 409, "cluster_inactive", "kosha.cluster"),
        ({"cluster": "gpu-1", "resources": {"gpus": 5}}, 400, "resources_exceed_cluster", "kosha.resources.gpus"),
        ({"cluster": "gpu-1", "resources": {"cpus": 17}}, 400, "resources_exceed_cluster", "kosha.resources.cpus"),
        ({"resources": {"gpus": 1}}, 400, "resources_exceed_cluster", "kosha.resources.gpus"),
        (
            {"cluster": "gpu-1", "resources": {"memory_bytes": 65 * GIBIBYTE}},
            400,
            "resources_exceed_cluster",
            "kosha.resources.memory_bytes",
        ),
        ({"resources": {"cpus": 0}}, 400, "invalid_value", "kosha.resources.cpus"),
        ({"priority": 101}, 400, "invalid_value", "kosha.priority"),
        ({"nodes": 2}, 400, "unknown_parameter", "kosha.nodes"),
    ],
)  # fmt: skip
def test_refuses_impossible_placements(world, api, cluster, kosha, status, code, param):
    facts = {"launcher": "null", "cpus": 1, "memory_bytes": GIBIBYTE}
    Cluster.objects.create(name="not-lent", **facts)
    Cluster.objects.create(name="closed", is_shared=True, is_active=False, **facts)
    path, body = requests(world)["training"]
    jobs = Job.objects.count()
    assert api.post(path, {**body, "kosha": kosha}).error == (status, code, param)
    assert Job.objects.count() == jobs


def test_a_cluster_of_another_organization_is_not_found(world, api, cluster):
    other = Organization.objects.create(name="他社", slug="other")
    lent = Cluster.objects.create(name="theirs", launcher="null", cpus=1, memory_bytes=GIBIBYTE)
    with organization_scope(other.id):
        ClusterGrant.objects.create(cluster=lent)
    path, body = requests(world)["curation"]
    foreign = api.post(path, {**body, "kosha": {"cluster": "theirs"}})
    absent = api.post(path, {**body, "kosha": {"cluster": "nowhere"}})
    assert foreign.body == absent.body


def test_the_same_key_with_another_placement_is_another_request(world, api, cluster):
    path, body = requests(world)["training"]
    key = {"Idempotency-Key": "k"}
    first = api.post(path, {**body, "kosha": {"priority": 1}}, headers=key).ok
    assert api.post(path, {**body, "kosha": {"priority": 1}}, headers=key).ok["id"] == first["id"]
    other = api.post(path, {**body, "kosha": {"priority": 2}}, headers=key)
    assert other.error == (409, "idempotency_key_reused", "Idempotency-Key")


def test_a_priority_reorders_the_jobs_of_its_own_organization_only(db):
    cluster = Cluster.objects.create(
        name="shared", launcher="null", cpus=4, memory_bytes=1 << 40, is_shared=True
    )
    organizations = [Organization.objects.create(name=slug, slug=slug) for slug in ("a", "b")]

    def submit(number: int, items: int, priority: int) -> str:
        with organization_scope(organizations[number].id):
            placement = Placement(cluster=cluster, priority=priority)
            return job_submit(spec=LightWork(items=items), actor=SYSTEM, placement=placement).id

    with registered(*WORK_TYPES):
        a1, b1, a2, b2 = submit(0, 1, 0), submit(1, 1, 0), submit(0, 2, 0), submit(1, 2, 0)
        a3 = submit(0, 3, 100)
        with every_organization("dispatch serves every organization"):
            order = [job.id for job in in_turn(due_jobs(cluster), 10)]
            first = [job.id for job in in_turn(due_jobs(cluster), 2)]
    assert order == [a3, b1, a1, b2, a2]
    assert first == [a3, b1]


@pytest.mark.parametrize(
    ("processes", "kosha", "granted"),
    [
        (1, {}, {"cpus": 4, "gpus": 1, "memory_bytes": 4 * GIBIBYTE}),
        (2, {}, {"cpus": 8, "gpus": 2, "memory_bytes": 8 * GIBIBYTE}),
        (4, {}, {"cpus": 16, "gpus": 4, "memory_bytes": 16 * GIBIBYTE}),
        (8, {"resources": {"gpus": 0}}, {"cpus": 16, "gpus": 0, "memory_bytes": 32 * GIBIBYTE}),
        (16, {"resources": {"gpus": 0}}, {"cpus": 16, "gpus": 0, "memory_bytes": None}),
        (2, {"resources": {"memory_bytes": GIBIBYTE}}, {"cpus": 8, "gpus": 2, "memory_bytes": GIBIBYTE}),
        (5, {}, None),
        (4096, {}, None),
        (3, {"resources": {"gpus": 2}}, None),
        (17, {"resources": {"gpus": 0}}, None),
        (3, {"resources": {"gpus": 0, "cpus": 2}}, None),
    ],
)
def test_resources_follow_the_processes(world, api, cluster, processes, kosha, granted):
    path, body = requests(world)["training"]
    asked = {**body, "distributed": {"processes": processes}, "kosha": {"cluster": "gpu-1", **kosha}}
    answer = api.post(path, asked)
    if granted is None:
        assert answer.error == (400, "processes_exceed_resources", "distributed.processes")
        return
    if granted["memory_bytes"] is None:  # as much as the cluster has for such jobs
        granted = {**granted, "memory_bytes": cluster.memory_share(light=False)}
    assert answer.ok["kosha"]["resources"] == granted


@pytest.mark.parametrize("processes", [0, -1, 4097, 1.5, "many"])
def test_refuses_an_impossible_number_of_processes(world, api, processes):
    path, body = requests(world)["training"]
    answer = api.post(path, {**body, "distributed": {"processes": processes}})
    assert answer.error == (400, "invalid_value", "distributed.processes")
