"""A supervisor that a test watches, and its services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from stack.processes import guarded
from stack.service import Backoff, Service
from stack.supervisor import Supervisor

QUICK = Backoff(first=0.01, longest=0.05, healthy_after=60)


SLEEP = "import time; time.sleep(600)"


IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python(code: str) -> list[str]:
    return guarded([sys.executable, "-S", "-c", code])


def service(name: str = "service", code: str = SLEEP, **options) -> Service:
    options = {"is_ready": lambda: True, "backoff": QUICK, **options}
    return Service(name, lambda: python(code), **options)


class Watched(Supervisor):
    """A supervisor with helpers for the tests."""

    def __init__(self, folder: Path, **options) -> None:
        self.sentences: list[str] = []
        super().__init__(folder / "logs", folder, echo=self.sentences.append, **options)

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.tick()

    def until_echoed(self, text: str) -> None:
        self.until(lambda: any(text in sentence for sentence in self.sentences))

    def fact(self, key: str, name: str = "service") -> object:
        return self.facts()[name][key]

    def kill(self, name: str = "service") -> int:
        pid = self.fact("pid", name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_restarted(self, name: str = "service") -> None:
        """Kill the process and wait for the next one."""
        killed = self.kill(name)
        self.until(lambda: self.fact("pid", name) not in (killed, None))


@contextmanager
def child_supervisor(folder: Path, repository: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor `s` in a process of its own, which runs `code`."""
    start = (
        "import pathlib, sys, time\n"
        "from stack.processes import guarded\n"
        "from stack.service import LivenessProbe, Service\n"
        "from stack.supervisor import Supervisor\n"
        "s = Supervisor(pathlib.Path(sys.argv[1]), pathlib.Path('/'), echo=print)\n"
        "probe = LivenessProbe(lambda: True, every=0.05, failures=4)\n"
        "s.start(Service('sleeper', lambda: guarded(['sleep', '600']), lambda: True, probes=lambda: [probe]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{repository / 'platform'}{os.pathsep}{repository}"}
    command = [sys.executable, "-c", start + code, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process
