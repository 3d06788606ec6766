"""Seccomp: the kernel refuses every system call but those of reading, computing and ending.

There is no socket, no other process, no program to start, no file to write or remove, and no trace of another process.
A refused call fails with EPERM, as it does for a user without the right.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

from workers.engines.ingest.sandbox.kernel import install_filter

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column below, and the kernel's own name (AUDIT_ARCH)."""

_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "access": (21, None), "brk": (12, 214), "clock_getres": (229, 114), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115),
    "close": (3, 57), "dup": (32, 23), "dup3": (292, 24), "exit": (60, 93), "exit_group": (231, 94),
    "faccessat": (269, 48), "faccessat2": (439, 439), "fadvise64": (221, 223), "fcntl": (72, 25), "fstat": (5, 80),
    "futex": (202, 98), "getcwd": (79, 17), "getdents64": (217, 61), "getegid": (108, 177), "geteuid": (107, 175),
    "getgid": (104, 176), "getpid": (39, 172), "getppid": (110, 173), "getrandom": (318, 278), "getrusage": (98, 165),
    "gettid": (186, 178), "gettimeofday": (96, 169), "getuid": (102, 174), "lseek": (8, 62), "lstat": (6, None),
    "madvise": (28, 233), "membarrier": (324, 283), "mmap": (9, 222), "mprotect": (10, 226), "mremap": (25, 216),
    "munmap": (11, 215), "nanosleep": (35, 101), "newfstatat": (262, 79), "poll": (7, None), "ppoll": (271, 73),
    "pread64": (17, 67), "read": (0, 63), "readlink": (89, None), "readlinkat": (267, 78), "readv": (19, 65),
    "restart_syscall": (219, 128), "rseq": (334, 293), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "sched_getaffinity": (204, 123), "sched_yield": (24, 124), "set_robust_list": (273, 99),
    "sigaltstack": (131, 132), "stat": (4, None), "statx": (332, 291), "sysinfo": (99, 179), "time": (201, None),
    "times": (100, 153), "uname": (63, 160), "write": (1, 64), "writev": (20, 66),
}  # fmt: skip
"""By x86_64 and aarch64; None where the processor has no such call."""
_OPENING: dict[str, tuple[int | None, int | None]] = {"open": (2, None), "openat": (257, 56)}
_ON_ITSELF: dict[str, tuple[int, int]] = {"kill": (62, 129), "tgkill": (234, 131)}
"""`abort` sends its own process a signal."""
_LIMITS = (302, 261)
"""`prlimit64` of process 0: the caller itself."""

_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Places in the kernel's `seccomp_data`; of an argument the lower half."""
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("then", ctypes.c_uint8),
        ("else_", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def allow_few_system_calls(*, may_open: bool) -> bool:
    """For good. False where the kernel has no seccomp or the processor is not known here."""
    known = _ARCHITECTURES.get(os.uname().machine)
    if known is None:
        return False
    code = [_Instruction(*each) for each in _instructions(*known, may_open=may_open)]
    try:
        install_filter(_Program(len(code), (_Instruction * len(code))(*code)))
    except OSError:
        return False
    return True


def _instructions(column: int, architecture: int, *, may_open: bool) -> Iterator[tuple[int, int, int, int]]:
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield _JUMP_IF_EQUAL, 1, 0, architecture
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    for numbers in [*_ALLOWED.values(), *(_OPENING.values() if may_open else ())]:
        if (number := numbers[column]) is not None:
            yield _JUMP_IF_EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ALLOW
    for number in (pair[column] for pair in _ON_ITSELF.values()):
        yield from _allow_with(number, os.getpid())
    yield from _allow_with(_LIMITS[column], 0)
    yield _RETURN, 0, 0, _REFUSE


def _allow_with(number: int, first_argument: int) -> Iterator[tuple[int, int, int, int]]:
    """Allow the call if its first argument is this one; else refuse it."""
    yield _JUMP_IF_EQUAL, 0, 4, number
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    yield _JUMP_IF_EQUAL, 0, 1, first_argument
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE
