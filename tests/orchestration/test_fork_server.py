"""Engines forked by a process that has imported their libraries, and started without it wherever it does not answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from audit.services import SYSTEM
from common.tenancy import every_organization
from jobs.models import Job
from jobs.services import job_cancel, job_submit
from jobs.types import Placement, Resources
from workers.contract.fork_server import FOLDER, MODULE, SOCKET, connect, fork_server_folder
from workers.contract.liveness import FOLDER as LIVENESS
from workers.orchestration.launchers.local.environment import ROOT
from workers.orchestration.launchers.local.launcher import LocalLauncher
from workers.orchestration.launchers.local.processes import processes_of_runs
from workers.orchestration.reconcile import reconcile

from ..jobs.work import registered, work_type
from .conftest import Installation, signal_if_alive
from .facts_engine import FactsSpec
from .probe_engine import ProbeSpec

pytestmark = [pytest.mark.slow, pytest.mark.ml]

READY_SECONDS = 300.0
SECRET = "a secret of the platform"


class ForkServer:
    def __init__(self, var: Path) -> None:
        self.folder = fork_server_folder(var)
        (var / LIVENESS).mkdir()
        self.log = var / "log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "KOSHA_SECRET_KEY": SECRET}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(var)], env=environment, cwd=ROOT, stderr=log
            )

    def warm_up(self) -> None:
        """The first request makes it import its libraries."""
        self._until(self.is_listening)
        connect(self.folder, 1).close()
        self._until(lambda: b"ready" in self.log.read_bytes())
        self._until(self.answers)

    def is_listening(self) -> bool:
        return (self.folder / SOCKET).exists()

    def answers(self) -> bool:
        try:
            connect(self.folder, 1).close()
        except OSError:
            return False
        return True

    def _until(self, happened) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not happened():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module", autouse=True)
def usual_signals() -> Iterator[None]:
    """As a service manager starts processes: a shell lets its background processes ignore SIGQUIT."""
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGQUIT, before)


@pytest.fixture(scope="module")
def fork_server(tmp_path_factory) -> Iterator[ForkServer]:
    server = ForkServer(tmp_path_factory.mktemp("a" * 100))
    try:
        server.warm_up()
        yield server
    finally:
        server.kill()


class ForkingInstallation(Installation):
    def __init__(self, runs: Path, folder: Path | None) -> None:
        super().__init__(runs)
        self.folder = folder

    def tick(self) -> None:
        reconcile({"local": LocalLauncher(self.runs, self.folder)})

    def facts(self, spec: FactsSpec) -> tuple[dict, dict]:
        job = job_submit(spec=spec, actor=SYSTEM, placement=Placement(resources=Resources(cpus=2)))
        job = self.until(job, "succeeded", "failed")
        assert job.state == "succeeded", self.story(job)
        own = {"random": job.result["random"], "parent": job.result["parent"]}
        assert own["parent"] == json.loads((job.run_dir / "owner").read_text())
        return json.loads(job.result["facts"].replace(job.id, "JOB")), own


@pytest.fixture
def installed(organization, storage, settings):
    """Makes an installation with the given fork server, or none."""
    settings.KOSHA_JOB_CORES = 2
    made = []

    def install(folder: Path | None) -> ForkingInstallation:
        made.append(ForkingInstallation(storage / "runs", folder))
        return made[-1]

    with registered(
        work_type("probe", ProbeSpec, can_pause=True),
        work_type("facts", FactsSpec, engine="tests.orchestration.facts_engine"),
    ):
        yield install
        for each in made:
            each.end()


def start_of(installation: Installation, job: Job) -> str:
    installation.until_true(lambda: (installation.fresh(job).handle or {}).get("start"), job)
    return installation.fresh(job).handle["start"]


def test_a_forked_engine_is_like_one_started_by_itself(fork_server, installed):
    """Session, fence, limits, environment, files, signals, supervision: the one difference is its start."""
    spec = FactsSpec(multiplies=True)
    cold, _ = installed(None).facts(spec)
    forked, first = installed(fork_server.folder).facts(spec)
    _again, second = installed(fork_server.folder).facts(spec)
    differing = {name: (cold[name], forked[name]) for name in cold if cold[name] != forked[name]}
    assert not differing
    assert forked["threads at first"] == 2 and forked["threads"] and not forked["cuda"]
    assert forked["is marked"] and forked["leads its session"]
    assert first["random"] != second["random"]


def test_the_fork_server_holds_nothing(fork_server, installed):
    """No thread, no open file of a run, no secret, also after it has forked for somebody."""
    installation = installed(fork_server.folder)
    installation.facts(FactsSpec())
    process = psutil.Process(fork_server.process.pid)
    assert process.num_threads() == 1
    assert not [path for path in process.open_files() if "/runs/" in path.path or "nvidia" in path.path]
    assert not [mapped.path for mapped in process.memory_maps() if "libcuda." in mapped.path]
    assert SECRET not in str(process.environ())
    memory = Path(f"/proc/{process.pid}/mem").open("rb", buffering=0)  # noqa: SIM115
    with every_organization("test"):
        run_id = Job.objects.latest("created_at").id.encode()
    for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
        begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        if "rw-p" in line and end - begin < 1 << 28:
            memory.seek(begin)
            content = memory.read(end - begin)
            assert SECRET.encode() not in content and run_id not in content
    memory.close()


def test_a_forked_run_is_cancelled_and_leaves_nothing(fork_server, installed):
    installation = installed(fork_server.folder)
    job = installation.submit(hold_at=2, child=True)
    assert start_of(installation, job) == "forked"
    job = installation.until_true(lambda: (installation.fresh(job).checkpoint_step or 0) >= 2, job)
    job_cancel(job=job, actor=SYSTEM)
    installation.until(job, "cancelled")
    assert list(processes_of_runs(installation.runs.resolve())) == []


def test_a_killed_forked_engine_is_run_again(fork_server, installed):
    installation = installed(fork_server.folder)
    job = installation.submit(hold_at=2)
    job = installation.until_true(lambda: (installation.fresh(job).checkpoint_step or 0) >= 2, job)
    os.kill(installation.engine(job), signal.SIGKILL)
    job = installation.until(job, "succeeded")
    assert (job.attempt, job.result["resumed_from"], job.losses) == (2, 2, 0)


def test_a_killed_forked_supervisor_ends_its_engine(fork_server, installed):
    installation = installed(fork_server.folder)
    job = installation.submit(hold_at=2, child=True)
    job = installation.until_true(lambda: (installation.fresh(job).checkpoint_step or 0) >= 2, job)
    signal_if_alive(installation.owner(job), signal.SIGKILL)
    installation.until_true(lambda: installation.fresh(job).fence == 2, job)
    assert not [of for _, of in processes_of_runs(installation.runs.resolve()) if of.name == "1"]
    assert installation.until(job, "succeeded").result["resumed_from"] == 2


def test_without_an_answer_a_run_starts_cold(fork_server, installed, monkeypatch):
    """A fork server that is stopped, one that is killed while a run of it goes on, and one that is gone."""
    monkeypatch.setattr("workers.orchestration.launchers.local.launcher.FORK_SECONDS", 0.5)
    installation = installed(fork_server.folder)
    running = installation.submit(hold_at=1)
    assert start_of(installation, running) == "forked"
    running = installation.until(running, "running")
    fork_server.process.send_signal(signal.SIGSTOP)
    stopped = installation.submit(steps=2)
    assert start_of(installation, job_after(installation, running, stopped)) == "cold"
    fork_server.kill()
    gone = installation.submit(steps=3)
    assert installation.until(gone, "succeeded").result["attempt"] == 1
    assert installation.fresh(running).attempt == 1


def job_after(installation: Installation, running: Job, waiting: Job) -> Job:
    """The machine is free for the next one once the first has ended; it was no worse for its parent's end."""
    job_cancel(job=running, actor=SYSTEM)
    installation.until(running, "cancelled")
    return waiting


def test_it_listens_where_a_path_is_too_long_for_a_socket(fork_server):
    assert len(str(fork_server.folder / SOCKET)) > 107
    assert (fork_server.folder.name, fork_server.folder.stat().st_mode & 0o777) == (FOLDER, 0o700)
