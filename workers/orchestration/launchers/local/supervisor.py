"""The supervisor of launcher `local`: a small process that runs one engine and records its exit code.

    python -m workers.orchestration.launchers.local.supervisor <run_dir>

It detaches at once into a session of its own, so that it outlives the Celery worker that started it. In the
run folder it reads `launch.json` and `stop.json` (see `launcher.py`) and leaves:

    owner       who runs here: pid, start time, boot. Made by link, so that a run folder has exactly
                one owner: a supervisor, or the reconciler's mark "revoked"
    engine.log  the engine's output, bounded
    exit.json   the exit code, by rename, once no process of the run is left

SIGTERM asks the engine to stop; after the grace of `stop.json` all of its processes are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from workers.contract.process_identity import process_identity
from workers.contract.run_folder import EXITS, RunFolder
from workers.contract.specs.run import ExitCode
from workers.orchestration.launchers.local.fresh_process import run_module
from workers.orchestration.launchers.local.processes import kill_run

DEFAULT_GRACE = 10.0
LOG_BYTES = 16 * 1024**2
TICK_SECONDS = 1.0
COULD_NOT_START = 127

_CHOSEN_BY_THE_ENGINE = (ExitCode.DONE, ExitCode.USER_ERROR, ExitCode.SYSTEM_ERROR, ExitCode.DISK_FULL)
_PR_SET_PDEATHSIG = 1
_OWN_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def supervisor_command(run_dir: Path) -> list[str]:
    return [sys.executable, "-m", "workers.orchestration.launchers.local.supervisor", str(run_dir)]


def detach(run_dir: Path) -> None:
    """Leave the caller: only the child returns, as the leader of a new session."""
    if os.fork():
        os._exit(0)
    os.setsid()
    write_logs(run_dir)


def write_logs(run_dir: Path) -> None:
    """What this process prints goes into the run folder."""
    log = os.open(RunFolder(run_dir).supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)


class EngineProcess(Protocol):
    """A child of this process."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""


StartEngine = Callable[[Sequence[str], Path], EngineProcess]
"""From its command and its log to the engine, which leads a session of its own."""


class Supervisor:
    def __init__(self, run_dir: Path, start_engine: StartEngine) -> None:
        self._start_engine = start_engine
        self.run_dir = run_dir
        self.folder = RunFolder(run_dir)
        self.kill_at: float | None = None

    def run(self) -> None:
        """Run the engine to its end. Does nothing if the folder is owned."""
        if not self.folder.take_ownership(asdict(process_identity(os.getpid()))):
            return
        # Blocked before the engine exists, so that none is missed while it starts.
        signal.pthread_sigmask(signal.SIG_BLOCK, _OWN_SIGNALS)
        try:
            code = self._attend(self._start())
        except OSError as error:
            with contextlib.suppress(OSError):
                print(f"the engine could not be started: {error}", flush=True)  # noqa: T201 - supervisor.log
            code = COULD_NOT_START
        # Ranks of torchrun and data loaders have sessions of their own.
        while not kill_run(self.run_dir, spare=os.getpid()):
            pass
        self._write_exit(code)
        with contextlib.suppress(OSError):
            (self.run_dir.parents[1] / EXITS).touch()

    def _write_exit(self, code: int) -> None:
        """Repeated on a full disk: while this process is alive, the run counts as lost only after its lease."""
        while self.run_dir.is_dir():
            try:
                self.folder.write_exit(code)
                return
            except OSError:
                time.sleep(TICK_SECONDS)

    def _start(self) -> EngineProcess:
        launch = json.loads(self.folder.launch.read_text(encoding="utf-8"))
        return self._start_engine(launch["command"], self.folder.engine_log)

    def _attend(self, engine: EngineProcess) -> int:
        while (code := engine.poll()) is None:
            left = TICK_SECONDS if self.kill_at is None else self.kill_at - time.monotonic()
            received = signal.sigtimedwait(_OWN_SIGNALS, max(0.05, min(TICK_SECONDS, left)))
            if received is not None and received.si_signo in (signal.SIGTERM, signal.SIGINT):
                self._stop(engine)
            if self.kill_at is not None and time.monotonic() >= self.kill_at:
                kill_run(self.run_dir, spare=os.getpid())
            bound_log(self.folder.engine_log)
        # Asked to stop, torchrun ends with 1, and an engine that is killed after the grace by a signal.
        was_asked = self.kill_at is not None
        return ExitCode.STOPPED if was_asked and code not in _CHOSEN_BY_THE_ENGINE else code

    def _stop(self, engine: EngineProcess) -> None:
        try:
            grace = float(json.loads(self.folder.stop.read_text(encoding="utf-8"))["grace"])
        except (OSError, ValueError, KeyError):
            grace = DEFAULT_GRACE
        kill_at = time.monotonic() + grace
        self.kill_at = kill_at if self.kill_at is None else min(self.kill_at, kill_at)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(engine.pid, signal.SIGTERM)
            # A stopped process receives the signal when it is continued.
            os.killpg(engine.pid, signal.SIGCONT)


# -- the engine --------------------------------------------------------------------------------------
def start_engine(command: Sequence[str], log: Path) -> EngineProcess:
    parent = os.getpid()
    with open(log, "ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: _before_engine(parent),
        )


class ForkedEngine:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if ended else None
        return self._code


def fork_engine(command: Sequence[str], log: Path) -> EngineProcess:
    """For a supervisor that the fork server has forked: the libraries are there already."""
    parent = os.getpid()
    if pid := os.fork():
        return ForkedEngine(pid)
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for target in (1, 2):
            os.dup2(output, target)
        os.close(output)
        _before_engine(parent)
        run_module(command)
    finally:
        os._exit(COULD_NOT_START)


NICENESS = 5


def _before_engine(parent: int) -> None:
    """In the child: end with the supervisor, receive signals again, yield to the servers of the machine."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OWN_SIGNALS)
    os.nice(NICENESS)
    # Where the kernel groups processes by session, niceness counts within the session only; the group has a
    # value of its own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))
    # Where memory runs out, the kernel shall end the run (which is retried) and not the database.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def bound_log(path: Path) -> None:
    """Keep one older part and the current one; the engine appends, so truncating is safe."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > LOG_BYTES:
            older = path.with_name(path.name + ".1")
            with open(path, "rb") as source, open(older, "wb") as target:
                target.write(source.read(LOG_BYTES))
            os.truncate(path, 0)


def main() -> None:
    run_dir = Path(sys.argv[1]).resolve()
    detach(run_dir)
    Supervisor(run_dir, start_engine).run()


if __name__ == "__main__":
    main()
