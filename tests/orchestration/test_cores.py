"""How the runs of one machine share its cores."""

from __future__ import annotations

import json

import pytest

from audit.services import SYSTEM
from jobs.models import Job
from jobs.services import job_submit
from jobs.types import Placement, Resources
from workers.contract.run_folder import RunFolder
from workers.orchestration.cores import share_cores, thread_shares
from workers.orchestration.dispatch import dispatch

from ..jobs.work import LightWork, Work


def full(name: str, cpus: int, processes: int = 1) -> Job:
    return Job(id=name, cpus=cpus, processes=processes)


def light(name: str) -> Job:
    return Job(id=name, cpus=0, light=1)


@pytest.mark.parametrize(
    ("cpus", "active", "shares"),
    [
        (2, [], {}),
        (2, [full("a", 2)], {"a": 2}),
        (2, [full("a", 2), light("i")], {"a": 1, "i": 1}),
        # Nobody is left without a thread.
        (2, [full("a", 2), light("i"), light("j"), light("k")], {"a": 1, "i": 1, "j": 1, "k": 1}),
        (1, [full("a", 1), light("i")], {"a": 1, "i": 1}),
        # Light jobs take what is free before they take anything back.
        (8, [light("i")], {"i": 8}),
        (8, [light("i"), light("j"), light("k")], {"i": 2, "j": 2, "k": 2}),
        (8, [full("a", 4), light("i"), light("j")], {"a": 4, "i": 2, "j": 2}),
        (8, [full("a", 7), light("i"), light("j")], {"a": 6, "i": 1, "j": 1}),
        # Of several each gives back its part, and of several processes each.
        (16, [full("a", 8), full("b", 8), light("i")], {"a": 7, "b": 7, "i": 1}),
        (16, [full("a", 16, processes=4), light("i")], {"a": 3, "i": 1}),
    ],
)
def test_threads_of_each_run(cpus, active, shares):
    assert thread_shares(cpus, active) == shares


def granted(job: Job) -> int:
    job.refresh_from_db()
    return json.loads(RunFolder(job.run_dir).threads.read_text())["threads"]


def test_a_run_gives_threads_back_while_a_light_one_runs(null_cluster, null_launcher):
    launchers = {"null": null_launcher}

    def submit(spec):
        placement = Placement(
            cluster=null_cluster, resources=Resources(cpus=4) if type(spec) is Work else Resources()
        )
        return job_submit(spec=spec, actor=SYSTEM, placement=placement)

    training = submit(Work())
    dispatch(launchers)
    assert granted(training) == 4
    reading = submit(LightWork())
    dispatch(launchers)
    assert (granted(training), granted(reading)) == (3, 1)
    written = RunFolder(training.run_dir).threads.stat().st_mtime_ns
    dispatch(launchers)
    assert RunFolder(training.run_dir).threads.stat().st_mtime_ns == written
    Job.objects.filter(pk=reading.pk).update(state="failed")
    dispatch(launchers)
    assert granted(training) == 4


def test_runs_on_many_machines_are_left_alone(null_cluster, null_launcher):
    null_launcher.is_one_machine = False
    job = job_submit(spec=Work(), actor=SYSTEM, placement=Placement(cluster=null_cluster))
    dispatch({"null": null_launcher})
    share_cores({"null": null_launcher})
    job.refresh_from_db()
    assert not RunFolder(job.run_dir).threads.exists()
