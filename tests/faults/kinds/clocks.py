"""A worker whose clock is an hour wrong, in addition to the right one or alone."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from demo.installation import ROOT
from stack.processes import guarded, kill_groups
from tests.faults.kinds.base import FaultContext, Impossible, Injected

HOLD = 25.0
SHARED_MEMORY = Path("/dev/shm")


def faketime_library() -> Path | None:
    """The shared object inside PyPI's `libfaketime`."""
    package = find_spec("libfaketime")
    if package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.rglob("libfaketime.so.1"), None)


@dataclass(frozen=True)
class SkewClock:
    seconds: str
    """`+3600`: ahead."""

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        library = faketime_library()
        if library is None:
            raise Impossible("libfaketime is not installed")
        process = self._worker(context, library)
        alone = draw.random() < 0.5
        others = self._stop_others(context) if alone else []

        def heal() -> None:
            for other in others:
                with contextlib.suppress(psutil.NoSuchProcess):
                    other.send_signal(signal.SIGCONT)
            kill_groups([process])
            for left in SHARED_MEMORY.glob("*faketime_s*"):
                left.unlink()  # the library leaves it when its process is killed

        place = "the only worker" if alone else "a second worker"
        return Injected(f"{place} whose clock is {self.seconds} s off, for {HOLD:g} s", HOLD, heal)

    def _stop_others(self, context: FaultContext) -> list[psutil.Process]:
        worker = context.installation.service("worker")
        others = [worker, *context.installation.children("worker")] if worker else []
        for other in others:
            with contextlib.suppress(psutil.NoSuchProcess):
                other.send_signal(signal.SIGSTOP)
        return others

    def _worker(self, context: FaultContext, library: Path) -> subprocess.Popen[bytes]:
        clock = {
            "FAKETIME": f"{self.seconds}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "LD_PRELOAD": str(library),
        }
        command = [
            sys.executable, "-m", "celery", "-A", "workers.orchestration.app", "worker", "--pool=prefork",
            "--concurrency=1", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "-n", "skewed",
        ]  # fmt: skip
        return start_additional(context, command, clock)


def start_additional(
    context: FaultContext, command: list[str], more: dict[str, str]
) -> subprocess.Popen[bytes]:
    """One more process of the installation's code, with the installation's addresses."""
    environment = {
        **context.installation.environment,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **more,
    }
    with open(context.installation.folder / "additional.log", "ab") as log:
        return subprocess.Popen(
            guarded(command),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
