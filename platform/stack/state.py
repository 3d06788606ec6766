"""What a running stack leaves in `var/`: its lock, its ports, and `stack.json` for whoever asks."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from stack.processes import free_port, port_is_free
from workers.contract.atomic_files import PRIVATE, write_json


class AlreadyRunning(RuntimeError):
    """Another stack holds this `var/`; two would write to one database cluster."""


LOOK_SECONDS = 0.5
"""Whoever asks whether a stack runs holds the lock for a moment; whoever starts one waits for so long."""


@contextmanager
def lock(var: Path, patience: float = LOOK_SECONDS) -> Iterator[None]:
    """Hold `var/` for this process. Raises AlreadyRunning; the kernel lets go however we die."""
    var.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    with open(var / "stack.lock", "a") as file:
        while not _taken(file):
            if time.monotonic() >= deadline:
                raise AlreadyRunning(f"A stack is already running on {var}; see `manage.py status`.")
            time.sleep(0.02)
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class RestoreUnfinished(RuntimeError):
    """A restore into this `var/` was interrupted: what lies in it is no whole installation."""


def restore_marker(var: Path) -> Path:
    """Lies in `var/` from before the first to after the last change of a restore."""
    return var / "restore.json"


def refuse_unfinished_restore(var: Path) -> None:
    if restore_marker(var).exists():
        raise RestoreUnfinished(
            f"A restore into {var} has not come to its end. Run `manage.py restore` again; it begins anew."
        )


def is_running(var: Path) -> bool:
    try:
        with lock(var, patience=0):
            return False
    except AlreadyRunning:
        return True


def port_for(var: Path, name: str) -> int:
    """The port `name` had last time if it is free, so that addresses stay; else a new one."""
    path = var / "ports.json"
    ports = read_json(path)
    if name not in ports or not port_is_free(ports[name]):
        ports[name] = free_port()
        # Where the disk is full it serves this time, and the next start chooses anew.
        with suppress(OSError):
            write_json(path, ports, mode=PRIVATE)
    return int(ports[name])


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; empty where there is none or none that can be read."""
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return {}
