"""Which process is meant: a pid together with its start time and the boot of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """One process, for ever: pids are reused, but not together with start time and boot."""

    pid: int
    started: int
    """Clock ticks after boot."""
    boot: str


def process_identity(pid: int) -> Identity:
    """Raises ProcessLookupError when there is no such process."""
    started = stat_fields(pid)[19]
    return Identity(pid, int(started), (PROC / "sys/kernel/random/boot_id").read_text().strip())


def is_alive(identity: Identity) -> bool:
    """Whether exactly this process still exists and has not ended (a zombie has)."""
    try:
        return process_identity(identity.pid) == identity and stat_fields(identity.pid)[0] != b"Z"
    except ProcessLookupError:
        return False


def stat_fields(pid: int) -> list[bytes]:
    """The fields of /proc/<pid>/stat from the state on (the name before it may hold anything)."""
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError as error:
        raise ProcessLookupError(pid) from error
    return stat[stat.rindex(b")") + 2 :].split()
