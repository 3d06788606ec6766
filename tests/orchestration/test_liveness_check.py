"""Kubernetes' liveness probe of worker and beat."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from stack.processes import free_port

REPOSITORY = Path(__file__).resolve().parents[2]


def passes(file: Path, broker: str = "") -> bool:
    """Run without any installed package: a probe that imports Django would take a core every few seconds."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", REPOSITORY / "workers" / "orchestration" / "liveness_check.py", file],
        env={"REDIS_URL": broker or settings.REDIS_URL},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0


@pytest.fixture
def liveness_file(tmp_path: Path) -> Path:
    path = tmp_path / "worker"
    path.touch()
    return path


def test_a_changed_liveness_file_passes_whatever_the_clock_is(liveness_file: Path):
    assert passes(liveness_file)
    assert not passes(liveness_file)
    os.utime(liveness_file, (1, 1))  # the clock was set back by decades
    assert passes(liveness_file)
    assert not passes(liveness_file)


def test_a_missing_liveness_file_fails(tmp_path: Path):
    assert not passes(tmp_path / "worker")


@pytest.mark.slow
def test_passes_while_the_broker_is_unreachable_or_silent(liveness_file: Path):
    assert passes(liveness_file)
    assert passes(liveness_file, f"redis://:secret@127.0.0.1:{free_port()}/0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert passes(liveness_file, f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0")
    assert not passes(liveness_file)
