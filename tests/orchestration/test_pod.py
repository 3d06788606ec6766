"""The worker's pod: whatever ends it, the engines are stopped after a checkpoint before it exits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.orchestration.test_local_runs import pids, reach_step

pytestmark = pytest.mark.slow

WAITS = "import signal; print('works', flush=True); signal.pause()"
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
FAILS = "import sys; print('works', flush=True); sys.stdin.readline(); sys.exit(3)"
SHORT_SHUTDOWN = "import workers.orchestration.pod as pod; pod.TASKS_SECONDS = 0.5; pod.main()"


@pytest.fixture
def pod(installation, repository: Path) -> Iterator[Callable[[str], subprocess.Popen]]:
    """Start a pod whose worker is the given Python; returns when that works."""
    started = []

    def start(worker: str) -> subprocess.Popen:
        command = [sys.executable, "-c", SHORT_SHUTDOWN, "--runs", str(installation.runs), "--seconds", "5"]
        started.append(
            subprocess.Popen(
                [*command, "--", sys.executable, "-c", worker],
                env={**os.environ, "PYTHONPATH": f"{repository}/platform:{repository}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        assert started[-1].stdout.readline() == "works\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("worker", "code"), [(WAITS, 143), (IGNORES_SIGTERM, 137)], ids=["ends", "ignores SIGTERM"]
)
def test_a_pod_stops_its_engines_after_a_checkpoint(installation, pod, worker: str, code: int):
    job = reach_step(installation, installation.submit(hold_at=2))
    process = pod(worker)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == code
    check_stopped(installation, job)
    job = installation.until(job, "succeeded")
    assert (job.result["resumed_from"], job.losses) == (2, 0)


def test_engines_of_a_dead_worker_are_stopped_after_a_checkpoint(installation, pod):
    job = reach_step(installation, installation.submit(hold_at=2))
    process = pod(FAILS)
    process.stdin.write("now\n")
    process.stdin.flush()
    assert process.wait(15) == 3
    check_stopped(installation, job)


def check_stopped(installation, job) -> None:
    assert pids(installation) == []
    assert json.loads((job.run_dir / "result.json").read_text())["status"] == "stopped"
    assert json.loads((job.run_dir / "exit.json").read_text())["code"] == 143
