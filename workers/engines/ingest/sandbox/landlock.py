"""Landlock: the kernel refuses every file outside some folders, and signals and sockets to other processes."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from workers.engines.ingest.sandbox.kernel import call

# The same numbers on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many kinds of access to files a version knows: reading, writing, making, removing, truncating and so on."""
_TCP = 0b11
"""Binding and connecting; since version 4."""
_SCOPES = 0b11
"""Abstract Unix sockets and signals; since version 6."""


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def landlock_version() -> int:
    """0 where the kernel has no Landlock or it is switched off."""
    try:
        return call("syscall", _CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def allow_reading_only(paths: Iterable[Path]) -> bool:
    """Of all files only `paths` may be opened from now on, and only to be read; False where there is no Landlock."""
    version = landlock_version()
    if not version:
        return False
    rules = _ruleset(version)
    for path in paths:
        _allow(rules, path)
    call("syscall", _RESTRICT_SELF, rules, 0)
    os.close(rules)
    return True


def _ruleset(version: int) -> int:
    """A descriptor. Where the kernel lacks a part of the version that it claims (Red Hat's lacks scopes), without it."""
    handled = (1 << max(count for since, count in _FILE_RIGHTS.items() if since <= version)) - 1
    attributes = [handled, *([_TCP] if version >= 4 else []), *([_SCOPES] if version >= 6 else [])]
    while True:
        ruleset = (ctypes.c_uint64 * len(attributes))(*attributes)
        try:
            return call("syscall", _CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
        except OSError as error:
            if error.errno != errno.EINVAL or len(attributes) == 1:
                raise
            attributes.pop()


def _allow(rules: int, path: Path) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    allowed = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
    call("syscall", _ADD_RULE, rules, _RULE_PATH_BENEATH, ctypes.byref(_PathBeneath(allowed, folder)), 0)
    os.close(folder)
