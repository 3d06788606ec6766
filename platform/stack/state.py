"""What a running stack leaves in `var/` for other processes: its lock, its ports, and `stack.json`."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stack.processes import free_port, port_is_free
from workers.contract.atomic_files import PRIVATE, write_json

LOCK_SECONDS = 0.5
"""How long a start waits for the lock: `is_running` holds it for a moment."""


class AlreadyRunning(RuntimeError):
    """Another stack has locked this `var/`; two would write to one database cluster."""


class RestoreUnfinished(RuntimeError):
    """A restore into this `var/` was interrupted, so the installation in it is incomplete."""


@contextmanager
def lock(var: Path, timeout: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold `var/` for this process. Raises AlreadyRunning; the kernel releases it at the end of the process."""
    var.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with open(var / "stack.lock", "a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    message = f"A stack is already running on {var}; see `manage.py status`."
                    raise AlreadyRunning(message) from error
            time.sleep(0.02)
        yield


def is_running(var: Path) -> bool:
    try:
        with lock(var, timeout=0):
            return False
    except AlreadyRunning:
        return True


def restore_marker(var: Path) -> Path:
    """Lies in `var/` from before the first to after the last change of a restore."""
    return var / "restore.json"


def refuse_unfinished_restore(var: Path) -> None:
    if restore_marker(var).exists():
        raise RestoreUnfinished(
            f"A restore into {var} was interrupted. Run `manage.py restore` again; it starts from the beginning."
        )


def port_for(var: Path, name: str) -> int:
    """The port that `name` had last time if it is free, so that addresses stay; else a new one."""
    path = var / "ports.json"
    try:
        ports = dict(json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        ports = {}
    if name not in ports or not port_is_free(ports[name]):
        ports[name] = free_port()
        # On a full disk the port serves this time, and the next start chooses again.
        with suppress(OSError):
            write_json(path, ports, mode=PRIVATE)
    return int(ports[name])
