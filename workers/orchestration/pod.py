"""The first process of the worker's pod: runs Celery, and stops the engines when it ends.

    python -m workers.orchestration.pod --runs /var/lib/kosha/storage/runs --seconds 45 -- python -m celery … worker

Elsewhere engines outlive the worker and are adopted by the next one. In a pod nothing outlives the
container, so they are stopped after a checkpoint, once the worker is gone: it would start them again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workers.orchestration.launchers.local import launcher as local

TASKS_SECONDS = 10.0
"""How long the worker may take to end; it interrupts its tasks after eight seconds."""
LOOK_SECONDS = 0.2


def run(command: Sequence[str], runs: Path, engine_seconds: float) -> int:
    """Run the worker until it ends or a stop signal comes; returns its exit code once no engine is left."""
    stop_requested = False

    def request_stop(*_: object) -> None:
        # Nothing that takes a lock: the interrupted code may hold it.
        nonlocal stop_requested
        stop_requested = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request_stop)
    worker = subprocess.Popen(command, start_new_session=True)
    while worker.poll() is None and not stop_requested:
        time.sleep(LOOK_SECONDS)
    _end(worker)
    local.stop_all(runs, engine_seconds)
    return worker.returncode


def _end(worker: subprocess.Popen[bytes]) -> None:
    _signal_group(worker, signal.SIGTERM)
    # A stopped process receives the signal when it is continued.
    _signal_group(worker, signal.SIGCONT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(TASKS_SECONDS)
    _signal_group(worker, signal.SIGKILL)
    worker.wait()


def _signal_group(worker: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, number)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, required=True, help="where the run folders lie")
    parser.add_argument("--seconds", type=float, required=True, help="for the engines' last checkpoints")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    code = run(options.command, options.runs, options.seconds)
    # As a shell reports it: a worker killed by a signal is no success.
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
