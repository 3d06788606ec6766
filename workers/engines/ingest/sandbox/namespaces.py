"""Namespaces: a root folder with nothing in it but code, no network, and no process but the sandbox's own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from workers.engines.ingest.sandbox.kernel import call

_CLONE_NEWNS = 0x00020000
_CLONE_NEWCGROUP = 0x02000000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_ALL = _CLONE_NEWNS | _CLONE_NEWCGROUP | _CLONE_NEWUTS | _CLONE_NEWIPC | _CLONE_NEWPID | _CLONE_NEWNET

_MS_RDONLY, _MS_NOSUID, _MS_NODEV = 1, 2, 4
_MS_REMOUNT = 1 << 5
_MS_BIND = 1 << 12
_MS_REC = 1 << 14
_MS_PRIVATE = 1 << 18
_MNT_DETACH = 2


WORKSPACE = "/tmp"  # noqa: S108 - a folder in memory, of one process


def enter_namespaces(folders: Iterable[Path], place: Path, *, workspace_bytes: int = 0) -> None:
    """Leave everything but `folders` behind; raises OSError where the kernel refuses. Call it in a single thread.

    `place` is an empty folder that none of `folders` is in; the new root is mounted on it, for this process alone. Only
    the next child is in the new namespace of processes. `workspace_bytes`: of a folder WORKSPACE in memory that may be
    written, where there shall be one.
    """
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", _ALL if uid == 0 else _ALL | _CLONE_NEWUSER)
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _mount(None, Path("/"), _MS_REC | _MS_PRIVATE)
    _mount(None, place, _MS_NOSUID | _MS_NODEV, kind=b"tmpfs", data=b"mode=0755,size=1m")
    for folder in folders:
        _show(folder, place)
    if workspace_bytes:
        workspace = place / WORKSPACE.lstrip("/")
        workspace.mkdir()
        data = f"mode=1777,size={workspace_bytes}".encode()
        _mount(None, workspace, _MS_NOSUID | _MS_NODEV, kind=b"tmpfs", data=data)
    _mount(None, place, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
    os.chdir(place)
    # The new root over the old one, which is then taken away from below it.
    call("pivot_root", b".", b".")
    call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def _show(path: Path, place: Path) -> None:
    """Mount `path` below `place`, read-only."""
    target = place / path.relative_to("/")
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount(path.resolve(), target, _MS_BIND | _MS_REC)
    # Only root may take this flag away from a mount that has it.
    no_programs = os.statvfs(target).f_flag & os.ST_NOEXEC
    _mount(None, target, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV | no_programs)


def _mount(
    source: Path | None, target: Path, flags: int, kind: bytes | None = None, data: bytes | None = None
) -> None:
    call("mount", os.fsencode(source) if source else b"none", os.fsencode(target), kind, flags, data)
