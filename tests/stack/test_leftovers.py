"""What a killed `up` may leave behind, made on purpose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from stack.leftovers import (
    STACK_VARIABLE,
    empty,
    end_all,
    remove_drafts,
    remove_stale_pid_file,
    servers_in,
    services_of,
)
from tests.stack.watched import gone
from workers.contract.run_folder import RUN_DIR_VARIABLE

IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
)


@pytest.fixture
def run():
    started: list[subprocess.Popen[bytes]] = []

    def start(**environment: str) -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-S", "-c", IGNORES_SIGTERM],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
            )
        )
        assert started[-1].stdout is not None
        started[-1].stdout.readline()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_ends_stopped_and_deaf_services_but_no_engine(run, tmp_path):
    stopped, ignoring = (run(**{STACK_VARIABLE: str(tmp_path)}) for _ in range(2))
    os.kill(stopped.pid, signal.SIGSTOP)
    engine = run(**{STACK_VARIABLE: str(tmp_path), RUN_DIR_VARIABLE: str(tmp_path / "run")})
    of_another = run(**{STACK_VARIABLE: str(tmp_path / "another")})
    assert end_all(lambda: services_of(tmp_path), end_seconds=0.2) == 2
    assert gone(stopped.pid) and gone(ignoring.pid)
    assert engine.poll() is None and of_another.poll() is None
    assert end_all(lambda: services_of(tmp_path)) == 0


def test_other_program_in_a_servers_folder_is_no_server(tmp_path):
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as shell:
        try:
            assert list(servers_in(tmp_path)) == []
        finally:
            shell.kill()


def test_removes_pid_file_of_another_program(tmp_path):
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{tmp_path}\n")
    remove_stale_pid_file(tmp_path)
    assert not pid_file.exists()
    remove_stale_pid_file(tmp_path)  # there is none, or it is empty: nothing to decide
    pid_file.touch()
    remove_stale_pid_file(tmp_path)
    assert pid_file.exists()


def test_removes_drafts_and_uploads_only(tmp_path):
    (tmp_path / "uploads" / "deep").mkdir(parents=True)
    kept = tmp_path / "storage" / "half.tmp"
    kept.parent.mkdir()
    for path in (
        tmp_path / "stack.json.tmp",
        tmp_path / "uploads" / "a",
        tmp_path / "uploads" / "deep" / "b",
    ):
        path.touch()
    kept.touch()
    (tmp_path / "uploads" / "elsewhere").symlink_to(kept.parent)
    (tmp_path / "ports.json").touch()
    remove_drafts(tmp_path)
    empty(tmp_path / "uploads")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["ports.json", "storage/half.tmp"]
    assert list((tmp_path / "uploads").iterdir()) == []
