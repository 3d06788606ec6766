"""The parts of the supervisor and of reading /proc that need no engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.contract import process_identity as process_identity_module
from workers.contract.process_identity import Identity, is_alive, process_identity
from workers.contract.run_folder import RUN_DIR_VARIABLE, RunFolder
from workers.orchestration.launchers.local import processes, supervisor
from workers.orchestration.launchers.local.processes import kill_run, processes_of_runs
from workers.orchestration.launchers.local.supervisor import bound_log


def test_a_folder_has_one_owner(tmp_path):
    assert RunFolder(tmp_path).take_ownership({"pid": 1})
    assert not RunFolder(tmp_path).take_ownership({"pid": 2})
    assert (tmp_path / "owner").read_text() == '{"pid": 1}'
    assert [path.name for path in tmp_path.iterdir()] == ["owner"]


def test_the_log_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 10)
    log = tmp_path / "engine.log"
    log.write_bytes(b"0123456789")
    bound_log(log)
    assert log.stat().st_size == 10
    log.write_bytes(b"0123456789ab")
    bound_log(log)
    assert log.stat().st_size == 0
    assert (tmp_path / "engine.log.1").read_bytes() == b"0123456789"


def test_identifies_a_process_by_more_than_its_pid():
    me = process_identity(os.getpid())
    assert is_alive(me)
    assert not is_alive(Identity(me.pid, me.started + 1, me.boot))
    assert not is_alive(Identity(me.pid, me.started, "another boot"))


def test_a_zombie_is_not_alive():
    child = subprocess.Popen([sys.executable, "-c", ""])
    identity = process_identity(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(identity)
    child.wait()
    with pytest.raises(ProcessLookupError):
        process_identity(child.pid)


def test_processes_are_found_by_their_run_and_killed(tmp_path):
    one, ten = tmp_path / "job" / "1", tmp_path / "job" / "10"
    children = [
        subprocess.Popen(
            ["sleep", "600"], env={**os.environ, RUN_DIR_VARIABLE: str(run)}, start_new_session=True
        )
        for run in (one, one, ten)
    ]
    found = sorted((pid, run.name) for pid, run in processes_of_runs(tmp_path))
    assert found == sorted((child.pid, name) for child, name in zip(children, ("1", "1", "10"), strict=True))
    assert kill_run(one, spare=children[0].pid)
    assert [child.poll() is not None or child.wait(5) < 0 for child in children[1:2]] == [True]
    assert (children[0].poll(), children[2].poll()) == (None, None)
    assert kill_run(tmp_path)
    for child in children:
        assert child.wait(5) == -9


def test_a_process_in_the_middle_of_exec_is_found(tmp_path, monkeypatch):
    """Within `exec` its environment is empty for a moment."""
    here = tmp_path / "proc" / "7"
    here.mkdir(parents=True)
    (here / "stat").write_text("7 (python) R 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 100")
    (here / "environ").write_bytes(b"")
    become = (here / "environ").write_bytes
    monkeypatch.setattr(processes, "PROC", tmp_path / "proc")
    monkeypatch.setattr(process_identity_module, "PROC", tmp_path / "proc")
    monkeypatch.setattr(processes.time, "sleep", lambda _: become(b"A=1\0KOSHA_RUN_DIR=/runs/job/1\0"))
    assert list(processes_of_runs(Path("/runs"))) == [(7, Path("/runs/job/1"))]


def test_an_engine_yields_to_the_servers_as_process_and_as_session():
    """Where the kernel groups by session, the niceness of a process has no effect outside its session."""
    parent = os.getpid()
    engine = subprocess.Popen(
        ["cat", "/proc/self/autogroup", "/proc/self/stat"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: supervisor._before_engine(parent),
    )
    output = engine.communicate(timeout=20)[0]
    niceness = output.rpartition(")")[2].split()[16]
    assert int(niceness) == os.nice(0) + supervisor.NICENESS
    if "autogroup" in output:
        assert f"nice {supervisor.NICENESS}\n" in output
