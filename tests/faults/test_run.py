"""The short form of `make faults`: the most productive kinds of fault, on a fixed seed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.installation import CAUSAL, EMBEDDING, models_or_skip

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(600)]

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


def test_short_fault_run_violates_no_check(repository):
    models_or_skip(CAUSAL, EMBEDDING)
    command = [sys.executable, "-m", "tests.faults", "--seed", SEED, "--minutes", MINUTES, "--kinds", *KINDS]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
