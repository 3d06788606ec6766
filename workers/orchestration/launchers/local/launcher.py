"""Launcher `local`: engines on this machine, each under a supervisor that outlives the worker that started it.

The files of a run folder are the whole interface between this module, which runs in any Celery worker, and
the run's supervisor (`supervisor.py`): `launch.json` and `stop.json` go in, `owner` and `exit.json` come out.
So a worker that was started a second ago knows as much as the one that launched the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workers.contract.atomic_files import write_json
from workers.contract.fork_server import connect
from workers.contract.process_identity import Identity, is_alive
from workers.contract.run_folder import RunFolder
from workers.orchestration.launchers.base import Absent, Engine, Exited, Lost, Observation, Running, RunRef
from workers.orchestration.launchers.local.environment import ROOT, environment_of
from workers.orchestration.launchers.local.processes import kill_run, processes_of_runs
from workers.orchestration.launchers.local.supervisor import supervisor_command

SUPERVISOR_START_SECONDS = 20.0
CLEAN_STOP_SECONDS = 6.0
SUPERVISOR_MARGIN_SECONDS = 1.0
KILL_SECONDS = 1.0

FORK_SECONDS = 3.0
"""After so long without an answer of the fork server the run is started without it."""


class LocalLauncher:
    is_one_machine = True

    def __init__(self, runs_root: Path, fork_server: Path | None = None) -> None:
        """`fork_server`: the folder in which one listens, while there is one."""
        self._runs_root = runs_root.resolve()
        self._fork_server = fork_server

    def launch(self, run: RunRef, engine: Engine) -> dict[str, Any]:
        run_dir = run.run_dir.resolve()
        folder = RunFolder(run_dir)
        folder.scratch.mkdir(exist_ok=True)
        environment = environment_of(run_dir, engine)
        write_json(folder.launch, {"version": 1, "command": _command(engine)})
        # The ranks of torchrun are processes of its own.
        is_forked = engine.processes == 1 and self._fork(run_dir, environment)
        if not is_forked:
            _start_supervisor(run_dir, environment)
        return {"launcher": "local", "host": os.uname().nodename, "start": "forked" if is_forked else "cold"}

    def _fork(self, run_dir: Path, environment: Mapping[str, str]) -> bool:
        """Whether the fork server has started the supervisor. It may have where no answer came; the run is then
        started twice, and the second one finds the folder owned."""
        if self._fork_server is None:
            return False
        request = {"run_dir": str(run_dir), "environment": environment}
        try:
            with connect(self._fork_server, FORK_SECONDS) as connection:
                connection.sendall(json.dumps(request).encode())
                connection.shutdown(socket.SHUT_WR)
                return connection.recv(16) != b""
        except OSError:
            return False

    def poll(self, run: RunRef) -> Observation:
        owner = _owner(run.run_dir)
        if owner is None:
            return Absent()
        if owner is not _REVOKED and is_alive(owner):
            return Running()
        # Read only now: the supervisor may have written it and ended a moment ago.
        try:
            exit_file = RunFolder(run.run_dir).exit.read_text(encoding="utf-8")
            return Exited(int(json.loads(exit_file)["code"]))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            # Absent or damaged: that it has ended is known, but not how.
            return Lost()

    def revoke(self, run: RunRef) -> bool:
        run.run_dir.mkdir(parents=True, exist_ok=True)
        return RunFolder(run.run_dir).take_ownership({"revoked": True}) or _owner(run.run_dir) is _REVOKED

    def stop(self, run: RunRef, grace: float) -> None:
        owner = _owner(run.run_dir)
        if owner is None or owner is _REVOKED:
            return
        # On a full disk the run is stopped all the same: the supervisor then takes its default grace.
        with contextlib.suppress(OSError):
            RunFolder(run.run_dir).write_stop(grace)
        if is_alive(owner):
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner.pid, signal.SIGTERM)
                # A stopped process receives the signal when it is continued.
                os.kill(owner.pid, signal.SIGCONT)

    def kill(self, run: RunRef) -> bool:
        return kill_run(run.run_dir.resolve())

    def running(self) -> Iterable[RunRef]:
        folders = {run_dir for _, run_dir in processes_of_runs(self._runs_root)}
        return [
            RunRef(folder.parent.name, int(folder.name), folder)
            for folder in folders
            if folder.name.isdigit()
        ]


def stop_all(runs_root: Path, seconds: float = CLEAN_STOP_SECONDS) -> None:
    """Stop every run under `runs_root`, for a clean end of the installation on this machine.

    Each is asked to make its state safe; its supervisor kills it after `seconds`, and a supervisor that does
    not is killed with it. The jobs stay as they are: the next start finds them stopped by the platform and
    continues them, at no cost to their retry budgets. Stop the Celery workers before, or they start the runs
    again.
    """
    launcher = LocalLauncher(runs_root)
    deadline = time.monotonic() + seconds + SUPERVISOR_MARGIN_SECONDS
    asked: set[RunRef] = set()
    while (left := set(launcher.running())) and time.monotonic() < deadline:
        for run in left - asked:
            # A run without an owner is just being started; it is stopped in the next round.
            if _owner(run.run_dir) is not None:
                launcher.stop(run, seconds)
                asked.add(run)
        time.sleep(0.05)
    if left:
        kill_run(runs_root.resolve(), timeout=KILL_SECONDS)


_REVOKED = Identity(0, 0, "")


def _owner(run_dir: Path) -> Identity | None:
    """The owner of the folder: none, the reconciler (_REVOKED), or a supervisor."""
    try:
        content = json.loads(RunFolder(run_dir).owner.read_text(encoding="utf-8"))
        return _REVOKED if "revoked" in content else Identity(**content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        # Linked but never written out: the machine lost power, so its owner is gone.
        return _REVOKED


def _command(engine: Engine) -> list[str]:
    if engine.processes == 1:
        return [sys.executable, *engine.command]
    torchrun = ["workers.engines.shared.torchrun", "--standalone", "--nproc-per-node", str(engine.processes)]
    return [sys.executable, "-m", *torchrun, *engine.command]


def _start_supervisor(run_dir: Path, environment: Mapping[str, str]) -> None:
    """Returns as soon as it has detached, so this worker never has a zombie to reap."""
    subprocess.run(
        supervisor_command(run_dir),
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SUPERVISOR_START_SECONDS,
        check=True,
    )
