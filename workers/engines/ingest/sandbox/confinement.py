"""What a process does to itself before it reads a file. None of it can be undone."""

from __future__ import annotations

import encodings
import importlib
import math
import os
import pkgutil
import resource
import secrets

from workers.contract.specs.ingest import Isolation
from workers.engines.ingest.parsers.registry import load_libraries
from workers.engines.ingest.sandbox.kernel import die_with_parent, drop_capabilities, refuse_new_rights
from workers.engines.ingest.sandbox.landlock import allow_reading_only, landlock_version
from workers.engines.ingest.sandbox.messages import Ready
from workers.engines.ingest.sandbox.system_calls import allow_few_system_calls
from workers.engines.ingest.sandbox.task import Task

OPEN_FILES = 64
_USERS = range(61184, 65520)
"""Numbers that systemd keeps for users without a name: no file and no lasting process belongs to one."""


def prepare(task: Task) -> None:
    """What has to be done before, once for all the processes that are confined for `task`."""
    if task.view == "whole" and (os.geteuid() == 0 or not landlock_version()):
        # Another user may not reach the code, and without Landlock no file can be opened from there on.
        _load_everything()


def confine(task: Task) -> Ready:
    """Raises OSError where a layer that the machine offers cannot be applied."""
    is_hidden = task.view != "whole"
    is_root = os.geteuid() == 0
    _limit(task)
    refuse_new_rights()
    landlock = allow_reading_only(task.folders)
    if is_root:
        become_another_user()
    drop_capabilities()
    die_with_parent()
    seccomp = allow_few_system_calls(may_open=is_hidden or landlock)
    isolation = _isolation(task, landlock, seccomp)
    return Ready(isolation=isolation, uid=os.geteuid(), landlock=landlock, seccomp=seccomp)


def _isolation(task: Task, landlock: bool, seccomp: bool) -> Isolation:
    if task.view != "whole":
        return task.view
    if not seccomp:
        return "limits"
    return "landlock" if landlock else "system_calls"


def _limit(task: Task) -> None:
    seconds = math.ceil(task.specs[0].parse_seconds)
    limits = {
        resource.RLIMIT_AS: (task.address_space, task.address_space),
        resource.RLIMIT_CPU: (seconds, seconds + 5),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NPROC: (0, 0),
    }
    for kind, limit in limits.items():
        # The machine's own limit may be lower, and cannot be raised.
        _, highest = resource.getrlimit(kind)
        known = highest != resource.RLIM_INFINITY
        resource.setrlimit(kind, (min(limit[0], highest), min(limit[1], highest)) if known else limit)


def become_another_user() -> None:
    """Stays root in a container where root may not change or has no other users."""
    uid = secrets.choice(_USERS)
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError:
        return


def _load_everything() -> None:
    load_libraries()
    for module in pkgutil.iter_modules(encodings.__path__, "encodings."):
        if module.name not in ("encodings.mbcs", "encodings.oem"):
            importlib.import_module(module.name)
