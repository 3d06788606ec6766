"""The first process of the worker pod reacts to the stop signal at any moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOLD_AT_EVERY_STEP = """
import pathlib, signal, sys
from workers.orchestration import pod

pod.local.stop_all = lambda *_: None

def look(frame, event, _):
    if event == "line" and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        signal.raise_signal(signal.SIGTERM)
    return look

sys.settrace(look)
code = pod.run([sys.executable, "-c", "import signal; signal.alarm(60); signal.pause()"], pathlib.Path(), 0.1)
sys.settrace(None)
print(code)
"""


def test_reacts_to_the_stop_signal_at_any_moment(repository: Path):
    """A handler runs within the thread that it interrupts, with whatever that holds: it must wait for nothing."""
    command = [sys.executable, "-c", TOLD_AT_EVERY_STEP]
    environment = {"PYTHONPATH": f"{repository}/platform:{repository}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout == "-15\n", done.stderr
