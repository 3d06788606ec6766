"""Which jobs start, and what becomes of a launch that fails."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from audit.services import SYSTEM
from jobs.capacity import Capacity, choose
from jobs.models import Job
from jobs.services import job_submit
from jobs.types import Placement, Resources
from workers.contract.specs.run import RunConfig
from workers.orchestration.dispatch import dispatch
from workers.orchestration.launchers.base import Engine, RunRef

from ..jobs.work import LONG, LightWork, Work

FREE = Capacity(cpus=4, gpus=2, memory_bytes=100, light=3, light_long=2, light_memory_bytes=10)


def job(name: str, cpus: int = 0, gpus: int = 0, memory: int = 0) -> Job:
    return Job(id=name, cpus=cpus, gpus=gpus, memory_bytes=memory)


def light(name: str, *, long: int = 0, memory: int = 1) -> Job:
    return Job(id=name, cpus=0, memory_bytes=memory, light=1, light_long=long)


@pytest.mark.parametrize(
    ("waiting", "chosen"),
    [
        ([job("a", 2), job("b", 2)], "ab"),
        ([job("a", 2), job("b", 2), job("c", 1)], "ab"),
        # A big job that does not fit holds back those that would take what it waits for,
        ([job("a", 1), job("big", 4), job("c", 1)], "a"),
        # but not those that take nothing of it.
        ([job("a", 1), job("big", 4), light("i"), job("g", gpus=1)], "aig"),
        ([job("a", 4, memory=100), job("big", 4, memory=100), light("i", memory=10)], "ai"),
        ([light("i"), light("j"), light("k"), light("l"), job("c", 4)], "ijkc"),
        # The last place of the light ones is for those that are over soon.
        ([light("i", long=1), light("j", long=1), light("k", long=1), light("l")], "ijl"),
        ([light("i", memory=8), light("j", memory=8), light("k", memory=2)], "ik"),
        ([job("m", 1, memory=101), job("n", 1, memory=1), job("o", 1)], "o"),
        ([job("a", 4), job("b", 4), job("c", 4)], "a"),
    ],
)
def test_starts_jobs_in_order_and_reserves_for_the_first_that_does_not_fit(waiting, chosen):
    assert "".join(job.id for job in choose(waiting, FREE)) == chosen


def test_no_figure_that_a_job_needs_is_overdrawn():
    indebted = FREE.without(job("x", 5))
    assert not indebted.holds(job("a", 1))
    assert indebted.holds(job("b", gpus=1))


def test_older_and_more_urgent_jobs_go_first(null_cluster, null_launcher, organization):
    def submit(items, priority=0):
        return job_submit(
            spec=Work(items=items), actor=SYSTEM, placement=Placement(cluster=null_cluster, priority=priority)
        )

    first, second, urgent = submit(1), submit(2), submit(3, priority=5)
    order = []
    for _ in range(3):
        dispatch({"null": null_launcher})
        running = Job.objects.get(state="starting")
        order.append(running.id)
        Job.objects.filter(pk=running.pk).update(state="failed")
    assert order == [urgent.id, first.id, second.id]


def test_two_jobs_of_every_core_never_share_a_machine_but_light_ones_run_beside_them(
    null_cluster, null_launcher
):
    specs = [Work(items=1), Work(items=2), *(LightWork(items=LONG + n) for n in range(3)), LightWork()]
    jobs = [job_submit(spec=spec, actor=SYSTEM, placement=Placement(cluster=null_cluster)) for spec in specs]
    for _ in range(3):
        dispatch({"null": null_launcher})
    states = [Job.objects.get(pk=job.pk).state for job in jobs]
    assert states == ["starting", "queued", "starting", "starting", "queued", "starting"]


def test_the_engine_finds_its_config(null_cluster, null_launcher):
    job = job_submit(
        spec=Work(items=9, processes=2),
        actor=SYSTEM,
        placement=Placement(cluster=null_cluster, resources=Resources(cpus=4)),
    )
    for fence in (1, 2):
        dispatch({"null": null_launcher})
        job.refresh_from_db()
        assert job.fence == fence
        config = RunConfig.model_validate_json((job.run_dir / "config.json").read_bytes())
        assert (config.job_id, config.fence, config.attempt, config.spec) == (
            job.id,
            fence,
            fence,
            {"items": 9, "processes": 2},
        )
        assert config.threads == 2
        Job.objects.filter(pk=job.pk).update(state="queued")
    assert config.previous_run_dirs == (job.run_dir.parent / "1",)
    engine = null_launcher.engines[RunRef(job.id, 2, job.run_dir)]
    assert engine.command == ("-m", "tests.orchestration.probe_engine", str(job.run_dir / "config.json"))
    assert (engine.processes, engine.cpus, engine.gpus, engine.threads) == (2, 4, 0, 2)
    assert engine.memory_bytes == job.memory_bytes
    assert engine.environment["OMP_NUM_THREADS"] == "2"
    assert json.loads(json.dumps(job.handle)) == {"launcher": "null"}


def test_a_failed_launch_is_repeated_five_times(null_cluster, null_launcher):
    def refuse(run, engine):
        raise OSError(5, "Input/output error")

    null_launcher.launch = refuse
    job = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    for attempt in range(1, 7):
        Job.objects.filter(pk=job.pk).update(not_before=None)
        dispatch({"null": null_launcher})
        job.refresh_from_db()
        assert job.attempt == attempt
    assert (job.state, job.error_code) == ("failed", "work.system.launch_failed")


def test_leaves_clusters_without_a_launcher_alone(null_cluster):
    job = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    dispatch({})
    job.refresh_from_db()
    assert job.state == "queued"


def test_each_launch_begins_with_a_whole_lease(null_cluster, null_launcher, organization):
    """They are launched one after the other, and a busy machine takes seconds for each."""
    launched = [
        job_submit(
            spec=Work(items=n),
            actor=SYSTEM,
            placement=Placement(cluster=null_cluster, resources=Resources(cpus=1)),
        )
        for n in (1, 2)
    ]
    launch, leases = null_launcher.launch, {}

    def slowly(run: RunRef, engine: Engine) -> dict:
        leases[run.job_id] = Job.objects.filter(pk=run.job_id, lease_until__gt=Now()).exists()
        Job.objects.update(lease_until=Now() - timedelta(seconds=1))
        return launch(run, engine)

    null_launcher.launch = slowly
    dispatch({"null": null_launcher})
    assert leases == {job.id: True for job in launched}
