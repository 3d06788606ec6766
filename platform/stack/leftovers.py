"""What a killed `up` may have left behind, and its end.

The kernel signals every child when its parent dies, but a child that is stopped (SIGSTOP), hangs, or was being created
at that moment does not react. It would hold its port, its data folder or its shared memory against the next start.
Engines are no leftovers: the next worker adopts them.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from workers.contract.run_folder import RUN_DIR_VARIABLE

STACK_VARIABLE = "KOSHA_STACK"
"""Set to `var/` in the environment of every process of the stack but the engines."""

SERVER_NAMES = {"postgres", "valkey-server", "redis-server"}
END_SECONDS = 5.0
KILL_SECONDS = 5.0
LOOK_SECONDS = 0.05


def services_of(var: Path) -> list[psutil.Process]:
    """Live processes of any stack on `var`."""
    found = []
    for process in psutil.process_iter(["environ", "status"]):
        environment = process.info["environ"] or {}
        is_service = environment.get(STACK_VARIABLE) == str(var) and RUN_DIR_VARIABLE not in environment
        if is_service and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(process)
    return found


def servers_in(*folders: Path) -> list[psutil.Process]:
    """Live servers whose working folder lies in one of `folders`: PostgreSQL's processes and Valkey overwrite their
    environment and their command line, but not their folder."""
    found = []
    for process in psutil.process_iter(["name", "cwd", "status"]):
        is_server = process.info["name"] in SERVER_NAMES and process.info["status"] != psutil.STATUS_ZOMBIE
        cwd = process.info["cwd"] if is_server else None
        if cwd and any(Path(cwd).is_relative_to(folder) for folder in folders):
            found.append(process)
    return found


def end_all(find: Callable[[], list[psutil.Process]], end_seconds: float = END_SECONDS) -> int:
    """Ask them to end, kill those that do not; how many there were. Looks again each time, for they may fork."""
    found: set[psutil.Process] = set()
    for seconds, is_last in ((end_seconds, False), (KILL_SECONDS, True)):
        deadline = time.monotonic() + seconds
        while (left := find()) and time.monotonic() < deadline:
            for process in set(left) if is_last else set(left) - found:
                with suppress(psutil.NoSuchProcess):
                    # PostgreSQL ends sessions on SIGINT and waits for them on SIGTERM.
                    asks = signal.SIGINT if process.name() == "postgres" else signal.SIGTERM
                    process.send_signal(signal.SIGKILL if is_last else asks)
                    process.send_signal(signal.SIGCONT)
            found |= set(left)
            time.sleep(LOOK_SECONDS)
    return len(found)


def remove_drafts(var: Path) -> None:
    """Remove our own temporary files, which nothing renames any more."""
    for draft in var.glob("*.tmp"):
        with suppress(OSError):
            draft.unlink()


def empty(folder: Path) -> None:
    """Remove the content of `folder`, whose only user has ended."""
    for entry in folder.glob("*"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with suppress(OSError):
                entry.unlink()


def remove_stale_pid_file(data: Path) -> None:
    """Remove a `postmaster.pid` whose number now belongs to another program.

    PostgreSQL takes any process with that number for a running server and refuses to start. In a container, where
    numbers are few and start again at 1, this is common. PostgreSQL finds the shared memory of the dead server
    without the file.
    """
    path = data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        try:
            is_another = Path(psutil.Process(pid).cwd()) != data.resolve()
        except psutil.AccessDenied:
            is_another = psutil.Process(pid).name() != "postgres"
        except psutil.NoSuchProcess:
            is_another = True
        if is_another:
            path.unlink()
