"""Bubblewrap: namespaces made by a program, for a kernel that allows them to that program alone.

Such are Ubuntu's kernels, whose AppArmor gives the right by program, and old ones where bubblewrap belongs to root.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

from workers.engines.ingest.sandbox.code_folders import KOSHA, package_folders
from workers.engines.ingest.sandbox.task import Task

_STDIN = 0
_NAMESPACES = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
_RIGHTS_OF_ROOT = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
"""Root needs no namespace of users, and becomes another user inside."""


def run_in_bubblewrap(task: Task) -> NoReturn:
    """Become bubblewrap, which starts `sandbox/__main__.py` with the same open descriptors. Raises OSError without it."""
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("bubblewrap is not installed")
    told = os.memfd_create("task")
    os.write(told, task.model_dump_json().encode())
    os.lseek(told, 0, os.SEEK_SET)
    os.dup2(told, _STDIN)
    os.close(told)
    python = Path(sys.executable).resolve()
    command = [program, *_options(task, python), "--", str(python), "-sBm", "workers.engines.ingest.sandbox"]
    path = os.pathsep.join(dict.fromkeys([*package_folders(), str(KOSHA)]))
    os.execve(program, command, {**os.environ, "PYTHONPATH": path})  # noqa: S606 - the program is bubblewrap


def _options(task: Task, python: Path) -> list[str]:
    rights = _RIGHTS_OF_ROOT if os.geteuid() == 0 else ["--unshare-user"]
    paths = (*task.folders, python)
    # Made before the mounts: bubblewrap itself closes what it makes above a closed folder, and another user has to pass.
    above = dict.fromkeys(str(folder) for path in paths for folder in [*reversed(path.parents)][1:])
    folders = [part for folder in above for part in ("--dir", folder)]
    mounts = [part for path in paths for part in ("--ro-bind", str(path.resolve()), str(path))]
    confined = [*_NAMESPACES, "--cap-drop", "ALL", *rights, "--die-with-parent"]
    return [*confined, *folders, *mounts, "--remount-ro", "/", "--chdir", "/"]
