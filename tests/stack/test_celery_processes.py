"""A real worker and a real beat while their servers stop: beat survives, and tasks are taken again.

The liveness files show whether tasks are taken, as they do to the supervisor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from stack import probes
from stack.processes import free_port, guarded, kill_groups, spawn
from stack.servers import EmbeddedValkey
from tests.stack.watched import gone
from workers.contract import liveness

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

RECONNECT_SECONDS = 60
"""Celery waits 2, 4, 6 … seconds between its attempts."""


class Bench:
    """Valkey, a worker and a beat; PostgreSQL refuses every connection throughout."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        self.liveness = folder / "var" / liveness.FOLDER
        self.liveness.mkdir(parents=True)
        for name in liveness.FILES:
            (self.liveness / name).touch()
        self._repository = repository
        self._valkey = EmbeddedValkey(folder / "valkey", free_port())
        self._started: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(repository / "platform"), str(repository)]),
            "KOSHA_VAR": str(folder / "var"),
            "DATABASE_URL": f"postgresql://kosha:none@127.0.0.1:{free_port()}/kosha",
            "REDIS_URL": self._valkey.url,
        }
        self.worker: subprocess.Popen[bytes] | None = None
        self.valkey = self.start_valkey()

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{name}.log"
        self._started.append(
            spawn(command, log=log, environment=self._environment, directory=self._repository)
        )
        return self._started[-1]

    def start_valkey(self) -> subprocess.Popen[bytes]:
        self._valkey.prepare()
        process = self._start(self._valkey.command(), "valkey")
        self.until(self._valkey.is_ready, 20)
        return process

    def celery(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "workers.orchestration.app", *arguments]
        return self._start(guarded(command), arguments[0])

    def start_worker(self) -> None:
        options = ["--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle"]
        self.worker = self.celery("worker", *options, "--include", "tests.stack.slow_task")

    def tend(self) -> None:
        """Restart a worker that has ended, as the supervisor does: where Valkey dies during a reconnection, kombu
        sometimes fails on its own closed channel and the worker ends."""
        if self.worker is not None and self.worker.poll() is not None:
            self.start_worker()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self._valkey.url)

    def until(self, condition, seconds: float = RECONNECT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.tend()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)  # between looks at another process, not instead of one

    def until_touched(self, name: str) -> None:
        """Wait until the file is touched twice (once could be by what was under way)."""
        is_touched = probes.Touched(self.liveness / name)
        for _ in range(2):
            self.until(is_touched)

    def logs(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in self.folder.glob("*.log"))

    def send(self, task: str, *arguments: str) -> None:
        from common.queue import _client

        _client(self._valkey.url).send_task(task, args=arguments, ignore_result=True)

    def close(self) -> None:
        kill_groups(self._started)


@pytest.fixture
def bench(repository) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="kosha-celery-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        bench = Bench(Path(name), repository)
        yield bench
        bench.close()


def test_takes_tasks_again_after_an_outage_and_stops_in_time(bench):
    bench.start_worker()
    beat = bench.celery("beat", "--pidfile=")
    for name in (liveness.WORKER, liveness.TASKS, liveness.BEAT):
        bench.until_touched(name)

    # Everything in memory is lost.
    with bench.client() as client:
        client.flushall()
    bench.until_touched(liveness.TASKS)

    # It dies and comes back, twice in a row as a restart that fails does.
    for _ in range(2):
        kill_groups([bench.valkey])
        bench.valkey = bench.start_valkey()
    bench.until_touched(liveness.TASKS)

    # It hangs for a while.
    os.kill(bench.valkey.pid, signal.SIGSTOP)
    time.sleep(5)  # longer than beat waits for an answer
    os.kill(bench.valkey.pid, signal.SIGCONT)
    bench.until_touched(liveness.TASKS)
    bench.until_touched(liveness.BEAT)
    assert beat.poll() is None, bench.logs()

    # Stopped in the middle of a task.
    begun = bench.folder / "begun"
    bench.send("tests.slow", str(begun))
    bench.until(begun.exists)
    worker, bench.worker = bench.worker, None
    asked = time.monotonic()
    for process in (worker, beat):
        os.kill(process.pid, signal.SIGTERM)
    assert beat.wait(15) == 0
    worker.wait(15)
    assert time.monotonic() - asked < 15
    assert gone(worker.pid)


def test_periodic_messages_do_not_pile_up_without_workers(bench):
    beat = bench.celery("beat", "--pidfile=")
    with bench.client() as client:
        client.lpush("celery", *["nothing"] * 19)
        bench.until(lambda: client.llen("celery") >= 20)
        bench.until_touched(liveness.BEAT)
        assert client.llen("celery") < 25
    assert beat.poll() is None
