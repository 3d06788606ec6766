"""What an `up` that was killed may have left behind, and its end.

The kernel tells every child when its parent dies, but one that is stopped (SIGSTOP), hangs, or was
being born at that moment does not hear it. It would hold its port, its data folder or its shared
memory against the next start. Engines are no leftovers: they are adopted.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from workers.contract.process_identity import PROC, Identity, is_alive, process_identity
from workers.contract.run_folder import RUN_DIR_VARIABLE

STACK_VARIABLE = "KOSHA_STACK"
"""Set to `var/` in the environment of every process of the stack but the engines."""

SERVER_NAMES = {"postgres", "valkey-server", "redis-server"}
ASK_SECONDS = 5.0
KILL_SECONDS = 5.0
LOOK_SECONDS = 0.05


def services_of(var: Path) -> Iterator[Identity]:
    """Live processes of a stack on `var`, whoever started them."""
    mark = f"{STACK_VARIABLE}={var}"
    for pid in _pids():
        environment = _environment(pid)
        is_engine = any(entry.startswith(f"{RUN_DIR_VARIABLE}=") for entry in environment)
        if mark in environment and not is_engine and pid != os.getpid():
            yield from _identity(pid)


def servers_in(folder: Path) -> Iterator[Identity]:
    """Live servers whose working folder lies in `folder`: PostgreSQL's processes and Valkey write over
    their environment and their command line, but do not move."""
    for pid in _pids():
        where = _working_folder(pid)
        if where is not None and where.is_relative_to(folder) and _name(pid) in SERVER_NAMES:
            yield from _identity(pid)


def end_all(find: Callable[[], Iterable[Identity]], ask_seconds: float = ASK_SECONDS) -> int:
    """Ask them to end, kill those who do not; how many there were. Repeated, for they may fork."""
    asked: set[Identity] = set()
    deadline = time.monotonic() + ask_seconds
    while (left := list(find())) and time.monotonic() < deadline:
        for process in set(left) - asked:
            # PostgreSQL ends sessions on SIGINT and waits for them on SIGTERM.
            _send(process, signal.SIGINT if _name(process.pid) == "postgres" else signal.SIGTERM)
            _send(process, signal.SIGCONT)
        asked |= set(left)
        time.sleep(LOOK_SECONDS)
    deadline = time.monotonic() + KILL_SECONDS
    while (left := list(find())) and time.monotonic() < deadline:
        for process in left:
            _send(process, signal.SIGKILL)
        asked |= set(left)
        time.sleep(LOOK_SECONDS)
    return len(asked)


def remove_drafts(var: Path) -> None:
    """Files of our own that nobody will rename any more."""
    for draft in var.glob("*.tmp"):
        with suppress(OSError):
            draft.unlink()


def empty(folder: Path) -> None:
    """Remove what lies in `folder`, whose one user has ended; what was acknowledged lies elsewhere."""
    for entry in folder.glob("*"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with suppress(OSError):
                entry.unlink()


def forget_stale_pid_file(data: Path) -> None:
    """Remove a `postmaster.pid` whose number now belongs to somebody else.

    PostgreSQL takes whatever process has that number for a running server and refuses to start; in a
    container, where numbers are few and start anew, that is the rule rather than the exception. What
    lies in the shared memory of the dead server it finds without the file.
    """
    path = data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        where = _working_folder(pid)
        is_another = _name(pid) != "postgres" if where is None else where != data.resolve()
        if is_another:
            path.unlink()


def _send(process: Identity, number: int) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _identity(pid: int) -> Iterator[Identity]:
    with suppress(ProcessLookupError):
        identity = process_identity(pid)
        if is_alive(identity):
            yield identity


def _environment(pid: int) -> list[str]:
    try:
        return os.fsdecode((PROC / str(pid) / "environ").read_bytes()).split("\0")
    except OSError:
        return []


def _working_folder(pid: int) -> Path | None:
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def _name(pid: int) -> str:
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""
