"""An engine whose disk is full reports that, loses no more than it must, and its attempt counts as lost."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest
from safetensors import SafetensorError

from workers.contract.specs.run import ExitCode, RunConfig, RunResult, RunStatus
from workers.engines.shared import runtime
from workers.engines.shared.runtime import Run
from workers.orchestration.attempt import End, read_attempt
from workers.orchestration.launchers.local.supervisor import Supervisor

from .probe_engine import ProbeSpec

PROBE = [sys.executable, "-m", "tests.orchestration.probe_engine"]


@pytest.fixture
def config(tmp_path) -> RunConfig:
    run_dir = tmp_path / "1"
    run_dir.mkdir()
    return RunConfig(job_id="job_1", kind="probe", fence=1, attempt=1, run_dir=run_dir, spec={"steps": 2})


def run_probe(config: RunConfig, repository: Path, log: str) -> int:
    path = config.run_dir / "config.json"
    path.write_text(config.model_dump_json())
    with open(log, "w") as output:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.run(
            [*PROBE, str(path)], cwd=repository, env=environment, stdout=output, stderr=output, timeout=60
        ).returncode


def test_a_disk_too_full_for_events_ends_the_run_with_that_reason(config, repository):
    """The log lies on the same full disk: what cannot be printed must not hide the reason."""
    (config.run_dir / "events.jsonl").symlink_to("/dev/full")
    code = run_probe(config, repository, "/dev/full")
    assert code == ExitCode.SYSTEM_ERROR
    attempt = read_attempt("probe", config.run_dir, code)
    assert (attempt.end, attempt.error.code) == (End.LOST, "probe.system.disk_full")
    assert "Free some space" in attempt.error.message


@pytest.mark.parametrize(
    ("error", "free", "code"),
    [
        (SafetensorError("Error while serializing: I/O error: No space left (os error 28)"), 1 << 30, "disk_full"),
        (RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 576 vs 534"), 0, "disk_full"),
        (OSError("262144 requested and 100 written"), 0, "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1 << 30, "disk_full"),
        (OSError(errno.EIO, "Input/output error"), 1 << 30, "io_error"),
        (RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 576 vs 534"), 1 << 30, "unexpected"),
    ],
)  # fmt: skip
def test_reports_a_full_disk_whatever_error_a_library_raises(config, monkeypatch, error, free, code):
    """safetensors and torch, which write checkpoints, raise no OSError."""
    disk = types.SimpleNamespace(f_bavail=free, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda folder: disk)

    def work(run: Run, spec: ProbeSpec) -> dict:
        raise error

    assert runtime._run("probe", ProbeSpec, work, Run(config)) == ExitCode.SYSTEM_ERROR
    result = json.loads((config.run_dir / "result.json").read_text())
    assert result["error"]["code"] == f"probe.system.{code}"


def test_the_exit_code_reports_a_disk_too_full_for_the_result(config):
    assert read_attempt("probe", config.run_dir, ExitCode.DISK_FULL).error.code == "probe.system.disk_full"
    assert read_attempt("probe", config.run_dir, ExitCode.DISK_FULL).end is End.LOST


@pytest.mark.slow
def test_the_result_waits_for_space(config, monkeypatch):
    """A run that has worked for days does not lose it all because the disk is full at its last step."""
    run = Run(config)
    write, attempts = runtime.write_json, []

    def full_at_first(path: Path, value: object) -> None:
        attempts.append(path.name)
        if len(attempts) == 1:
            raise OSError(28, "No space left on device")
        write(path, value)

    monkeypatch.setattr(runtime, "write_json", full_at_first)
    run.finish(RunResult(status=RunStatus.SUCCEEDED))
    assert attempts == ["result.json", "result.json"]
    assert json.loads((config.run_dir / "result.json").read_text())["status"] == "succeeded"


def test_half_a_line_loses_one_event_not_two(config):
    run = Run(config)
    run.log("first")
    events, run._events = run._events, open("/dev/full", "ab", buffering=0)  # noqa: SIM115
    with pytest.raises(OSError, match="No space"):
        run.log("second")
    events.write(b'{"type": "lo')
    run._events = events
    run.log("third")
    lines = (config.run_dir / "events.jsonl").read_text().splitlines()
    assert [json.loads(lines[0])["message"], lines[1], json.loads(lines[2])["message"]] == [
        "first", '{"type": "lo', "third",
    ]  # fmt: skip


def test_leaves_values_that_are_no_numbers_out_of_curves(config):
    """`Infinity` is no JSON: PostgreSQL refuses it, and with it every event that is imported with it."""
    Run(config).metrics(3, loss=2.0, grad_norm=float("inf"), tokens=float("nan"))
    (line,) = (config.run_dir / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["values"] == {"loss": 2.0}


def test_the_heartbeat_continues_after_a_failed_touch(config, monkeypatch):
    monkeypatch.setattr(runtime, "HEARTBEAT_SECONDS", 0.01)
    beat = config.run_dir / "heartbeat"
    beat.symlink_to(config.run_dir / "away" / "heartbeat")
    run = Run(config)
    thread = threading.Thread(target=run.beat)
    thread.start()
    (config.run_dir / "away").mkdir()
    while not beat.exists():
        assert thread.is_alive()
    run.finish(RunResult(status=RunStatus.SUCCEEDED))
    thread.join()


def test_the_heartbeat_continues_while_an_event_waits_for_a_slow_disk(config, monkeypatch):
    monkeypatch.setattr(runtime, "HEARTBEAT_SECONDS", 0.01)
    run = Run(config)
    reader, writer = os.pipe()
    full = b"x" * fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, full)
    events, run._events = run._events, os.fdopen(writer, "ab", buffering=0)
    log, beats = threading.Thread(target=run.log, args=("slow",)), threading.Thread(target=run.beat)
    log.start()
    while not run._lock.locked():
        assert log.is_alive()
    beats.start()
    deadline = time.monotonic() + 10
    try:
        while not (config.run_dir / "heartbeat").exists():
            assert time.monotonic() < deadline
        assert log.is_alive() and run._lock.locked()
    finally:
        while b"slow" not in os.read(reader, 4096):
            pass
        log.join()
        run.finish(RunResult(status=RunStatus.SUCCEEDED))
        beats.join()
        events.close()
        os.close(reader)


@pytest.mark.slow
def test_the_exit_code_is_written_once_there_is_space(tmp_path):
    """A folder in the place of the temporary file stands for the disk: nothing can be written."""
    (tmp_path / "exit.json.tmp").mkdir()
    writing = threading.Thread(target=Supervisor(tmp_path, pytest.fail)._write_exit, args=(3,))
    writing.start()
    writing.join(0.1)
    assert writing.is_alive()
    (tmp_path / "exit.json.tmp").rmdir()
    writing.join(10)
    assert json.loads((tmp_path / "exit.json").read_text())["code"] == 3


def test_a_killed_rank_makes_the_attempt_lost(config):
    error = {"code": "probe.system.unexpected", "message": "Unexpected RuntimeError."}
    (config.run_dir / "result.json").write_text(json.dumps({"status": "failed", "error": error}))
    assert read_attempt("probe", config.run_dir, -9).end is End.LOST
    assert read_attempt("probe", config.run_dir, 3).end is End.SYSTEM_ERROR
