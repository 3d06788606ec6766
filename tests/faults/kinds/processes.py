"""SIGKILL and SIGSTOP of everything that runs."""

from __future__ import annotations

import contextlib
import random
import signal
from dataclasses import dataclass

import psutil

from tests.faults.installation import FaultyInstallation
from tests.faults.kinds.base import FaultContext, Injected, Skipped, find_within

LONGER_THAN_A_LEASE = 36.0
"""Seconds; `jobs.services.LEASE` is 30."""
PAUSES = (3.0, LONGER_THAN_A_LEASE)


def find_victims(installation: FaultyInstallation, victim: str) -> list[psutil.Process]:
    if victim == "engine":
        return installation.engines()
    if victim == "rank":
        return [process for process in installation.engines("training") if _is_rank(process)]
    if victim == "run-supervisor":
        return installation.run_supervisors()
    if victim == "worker-child":
        return installation.children("worker")
    if victim == "postgres-backend":
        return [child for child in installation.children("postgres") if "kosha" in " ".join(child.cmdline())]
    if victim == "up":
        return [psutil.Process(installation.process.pid)] if installation.process else []
    service = installation.service(victim)
    return [service] if service else []


def _is_rank(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return int(process.environ().get("WORLD_SIZE", "1")) > 1
    return False


def choose(context: FaultContext, victim: str, draw: random.Random) -> psutil.Process:
    def find() -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return find_victims(context.installation, victim)
        return []

    found = find_within(find, context.timeout)
    if not found:
        raise Skipped(f"no {victim} was running")
    return draw.choice(found)


@dataclass(frozen=True)
class Kill:
    victim: str

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        process = choose(context, self.victim, draw)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
        return Injected(f"SIGKILL of {self.victim} ({process.pid})")


@dataclass(frozen=True)
class Stop:
    victim: str

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        process = choose(context, self.victim, draw)
        hold = draw.choice(PAUSES)

        def resume() -> None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
        return Injected(f"SIGSTOP of {self.victim} ({process.pid}) for {hold:g} s", hold, resume)


class KillUp:
    """`manage.py up` is killed; `monitor.py` starts it again, as systemd would."""

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        process = context.installation.process
        assert process is not None
        process.kill()
        return Injected("SIGKILL of manage.py up")
