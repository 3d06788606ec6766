"""A worker on a machine whose clock is an hour wrong, beside the right one or alone."""

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

from stack.processes import guarded, kill_groups
from tests.faults.faults.base import Impossible, Injected, Storm

HOLD = 25.0
SHARED_MEMORY = Path("/dev/shm")


def faketime_library() -> Path | None:
    """The shared object inside PyPI's `libfaketime`."""
    package = find_spec("libfaketime")
    if package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.rglob("libfaketime.so.1"), None)


@dataclass(frozen=True)
class ClockSkew:
    seconds: str
    """`+3600`: ahead."""

    def inject(self, storm: Storm, draw: random.Random) -> Injected:
        library = faketime_library()
        if library is None:
            raise Impossible("libfaketime is not installed")
        process = self._worker(storm, library)
        alone = draw.random() < 0.5
        others = self._stop_others(storm) if alone else []

        def heal() -> None:
            for other in others:
                with contextlib.suppress(psutil.NoSuchProcess):
                    other.send_signal(signal.SIGCONT)
            kill_groups([process])
            for left in SHARED_MEMORY.glob("*faketime_s*"):
                left.unlink()  # the library's own, which nobody tidies up who is killed

        place = "the only worker" if alone else "a second worker"
        return Injected(f"{place} whose clock is {self.seconds} s off, for {HOLD:g} s", HOLD, heal)

    def _stop_others(self, storm: Storm) -> list[psutil.Process]:
        worker = storm.installation.service("worker")
        others = [worker, *storm.installation.children("worker")] if worker else []
        for other in others:
            with contextlib.suppress(psutil.NoSuchProcess):
                other.send_signal(signal.SIGSTOP)
        return others

    def _worker(self, storm: Storm, library: Path) -> subprocess.Popen[bytes]:
        clock = {
            "FAKETIME": f"{self.seconds}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "LD_PRELOAD": str(library),
        }
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "workers.orchestration.app",
            "worker",
            "--pool=prefork",
        ]
        options = [
            "--concurrency=1",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "-n",
            "skewed",
        ]
        return start_beside(storm, [*command, *options], clock)


def start_beside(storm: Storm, command: list[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
    """A further process of the installation's own code, with the installation's addresses."""
    repository = storm.installation.repository
    environment = {
        **storm.installation.environment,
        "PYTHONPATH": os.pathsep.join([str(repository / "platform"), str(repository)]),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **more,
    }
    with open(storm.installation.folder / "beside.log", "ab") as log:
        process = subprocess.Popen(
            guarded(command),
            cwd=repository,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    storm.started_elsewhere.append(process.pid)
    return process
