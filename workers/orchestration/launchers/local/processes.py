"""Finding and ending the processes of a run on this machine, through /proc.

Every process of a run carries `KOSHA_RUN_DIR` in its environment and passes it to its children, whatever
session or parent they have. So every process that a run started is found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from workers.contract.process_identity import PROC, stat_fields
from workers.contract.run_folder import RUN_DIR_VARIABLE

_MARK = RUN_DIR_VARIABLE.encode() + b"="

KERNEL_THREAD = 0x00200000
"""PF_KTHREAD of the kernel's `sched.h`."""
READS_DURING_EXEC = 10


def processes_of_runs(root: Path) -> Iterator[tuple[int, Path]]:
    """Every live process of a run whose folder lies under `root`: (pid, run folder)."""
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        run_dir = _run_dir_of(int(entry.name))
        if run_dir is not None and run_dir.is_relative_to(root):
            yield int(entry.name), run_dir


def kill_run(run_dir: Path, *, spare: int | None = None, timeout: float = 3.0) -> bool:
    """SIGKILL every process of the run but `spare`; True once none is left.

    Repeated, because a process may fork while the list is read.
    """
    deadline = time.monotonic() + timeout
    while pids := [pid for pid, of in processes_of_runs(run_dir) if pid != spare]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        # The kernel needs a moment to take a killed process apart.
        time.sleep(0.02)
    return True


def _run_dir_of(pid: int) -> Path | None:
    try:
        environment = _environment(pid)
    except OSError:
        return None
    for variable in environment.split(b"\0"):
        if variable.startswith(_MARK):
            return Path(os.fsdecode(variable[len(_MARK) :]))
    return None


def _environment(pid: int) -> bytes:
    """Empty for a zombie and for the kernel's own. Raises OSError, also where there is no such process.

    For a moment within `exec` a process has neither the old environment nor the new one. Read just then, a
    run that is about to begin would look dead; so it is read again.
    """
    for _ in range(READS_DURING_EXEC):
        state, _parent, _group, _session, _terminal, _foreground, flags = stat_fields(pid)[:7]
        if state == b"Z" or int(flags) & KERNEL_THREAD:
            return b""
        if environment := (PROC / str(pid) / "environ").read_bytes():
            return environment
        time.sleep(0.001)
    return b""
