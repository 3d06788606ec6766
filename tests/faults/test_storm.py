"""The short form of `make faults`: the faults that found most, on a fixed seed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.end_to_end.conftest import models

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]

__all__ = ["models"]

SEED = "10"
MINUTES = "0.5"
KINDS = (
    "kill engine",
    "kill worker",
    "kill postgres",
    "flip checkpoint",
    "flush valkey",
    "kill model-server",
)


def test_a_short_storm_breaks_nothing(repository, models):
    command = [sys.executable, "-m", "tests.faults", "--seed", SEED, "--minutes", MINUTES, "--kinds", *KINDS]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
