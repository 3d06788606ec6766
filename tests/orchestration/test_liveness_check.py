"""What Kubernetes asks of worker and beat: the truth about the beacon, nobody blamed for the broker, at little cost."""

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


def is_alive(beacon: Path, broker: str = "") -> bool:
    """Asked without any installed package: a probe that imports Django would take a core every few seconds."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", REPOSITORY / "workers" / "orchestration" / "liveness_check.py", beacon],
        env={"REDIS_URL": broker or settings.REDIS_URL},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0


@pytest.fixture
def beacon(tmp_path: Path) -> Path:
    path = tmp_path / "worker"
    path.touch()
    return path


def test_a_beacon_that_moves_is_a_life_whatever_the_clock_says(beacon: Path):
    assert is_alive(beacon)
    assert not is_alive(beacon)
    os.utime(beacon, (1, 1))  # the clock was set back by decades
    assert is_alive(beacon)
    assert not is_alive(beacon)


def test_no_beacon_at_all_is_no_life(tmp_path: Path):
    assert not is_alive(tmp_path / "worker")


@pytest.mark.slow
def test_while_the_broker_is_away_or_silent_nobody_is_blamed(beacon: Path):
    assert is_alive(beacon)
    assert is_alive(beacon, f"redis://:secret@127.0.0.1:{free_port()}/0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert is_alive(beacon, f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0")
    assert not is_alive(beacon)
