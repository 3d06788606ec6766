"""The child process that parses: its limits, its end, and what the engine makes of it."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import pytest

from workers.engines.ingest import isolation
from workers.engines.ingest.engine import ingest
from workers.engines.ingest.isolation import parse_in_child
from workers.engines.shared.runtime import RunStopped, UserError
from workers.orchestration.launchers.local.processes import processes_of_runs


def test_passes_on_the_user_error_of_the_child(run, spec_for):
    with pytest.raises(UserError) as caught:
        ingest(run, spec_for("train.jsonl", b'{"messages": ['))
    assert (caught.value.code, caught.value.param) == ("user.invalid_jsonl", "line 1")


CHILDREN = "tests.engines.ingest.children"


@pytest.mark.parametrize(
    ("module", "limits", "code"),
    [
        ("sleeps", {"parse_seconds": 0.3}, "user.parse_timeout"),
        ("spins", {"parse_seconds": 0.3}, "user.parse_timeout"),
        ("eats_memory", {"parse_memory_bytes": 256 * 1024 * 1024}, "user.parse_out_of_memory"),
        ("crashes", {}, "user.damaged_file"),
        ("aborts", {}, "user.parse_out_of_memory"),
        ("fails", {}, "system.parser_failed"),
        ("is_killed", {}, "system.parser_killed"),
    ],
)
def test_explains_how_the_child_ended(run, spec_for, module, limits, code):
    spec = spec_for("a.txt", b"text", **limits)
    with pytest.raises(Exception) as caught:
        parse_in_child(run, spec, run.output_dir, module=f"{CHILDREN}.{module}")
    assert caught.value.code == code


def test_reports_a_full_disk_as_such(run, spec_for):
    (run.output_dir / "pages.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        ingest(run, spec_for("a.txt", "本文です。".encode()))
    assert caught.value.errno == errno.ENOSPC


def test_child_belongs_to_the_run_and_gets_no_secrets(run, spec_for, monkeypatch):
    monkeypatch.setenv("KOSHA_RUN_DIR", str(run.directory))
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/name")
    seen: dict[str, bytes] = {}

    def look_and_stop() -> None:
        for pid, _ in processes_of_runs(run.directory):
            seen["environment"] = Path(f"/proc/{pid}/environ").read_bytes()
            raise RunStopped

    monkeypatch.setattr(run, "raise_if_stopped", look_and_stop)
    with pytest.raises(RunStopped):
        parse_in_child(run, spec_for("a.txt", b"text"), run.output_dir, module=f"{CHILDREN}.sleeps")
    assert b"secret" not in seen["environment"]
    assert not list(processes_of_runs(run.directory))


def test_progress_of_the_child_becomes_progress_of_the_run(run, spec_for, monkeypatch):
    events: list[tuple[float, float, str]] = []

    def stop_after_progress(*event) -> None:
        events.append(event)
        run.request_stop()

    monkeypatch.setattr(isolation, "REPORT_SECONDS", 0.05)
    monkeypatch.setattr(run, "progress", stop_after_progress)
    with pytest.raises(RunStopped):
        parse_in_child(run, spec_for("a.txt", b"text"), run.output_dir, module=f"{CHILDREN}.reports_progress")
    assert events == [(3, 10, "page")]


def test_progress_is_unknown_until_the_child_has_written_it(tmp_path):
    path = tmp_path / "progress"
    assert isolation.read_progress(path) is None
    with open(path, "wb", buffering=0) as file:
        assert isolation.read_progress(path) is None
        for done in (1, 12):
            isolation.write_progress(file, done, 5000)
            assert isolation.read_progress(path) == (done, 5000)


def test_stop_request_kills_the_child(run, spec_for):
    threading.Timer(0.3, run.request_stop).start()
    begun = time.monotonic()
    with pytest.raises(RunStopped):
        parse_in_child(run, spec_for("a.txt", b"text"), run.output_dir, module=f"{CHILDREN}.sleeps")
    assert time.monotonic() - begun < 20, "the child would have slept for a minute"
