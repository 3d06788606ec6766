"""Starting and stopping child processes so that none outlives the process that started it.

Children are started through `setpriv` (util-linux, on every Debian and Ubuntu): it asks the kernel to signal the child
when its parent dies in any way, and drops root's rights where asked.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KILL_SECONDS = 2.0
CAP_DAC_READ_SEARCH = 2
"""Bit in the kernel's capability sets; containers often lack it and have dac_override instead."""


@dataclass(frozen=True)
class Account:
    """A user of the operating system that a server runs as."""

    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give `path` and everything below it to this account."""
        for folder, _, names in os.walk(path):
            os.chown(folder, self.uid, self.gid)
            for name in names:
                os.chown(Path(folder) / name, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Whether this account may pass every folder above `path`."""
        facts = [folder.stat() for folder in path.resolve().parents]
        needed = [stat.S_IXUSR if fact.st_uid == self.uid else stat.S_IXOTH for fact in facts]
        return all(fact.st_mode & right for fact, right in zip(facts, needed, strict=True))


def unprivileged_account() -> Account | None:
    """The account that servers run as: None (our own) unless we are root, then `nobody`.

    PostgreSQL refuses to run as root, and its tools need an account that has a name.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def guarded(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    needs: Iterable[Path] = (),
    death_signal: str = "TERM",
) -> list[str]:
    """`command` that gets `death_signal` when its parent dies, run as `account`.

    `needs` are the paths that the account must reach. Where a closed folder such as /root lies above one of them, the
    process keeps the single right to pass folders, which is no right to write.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise FileNotFoundError("setpriv is missing; install the package util-linux")
    wrapped = [setpriv, "--pdeathsig", death_signal]
    if account is not None:
        wrapped += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--no-new-privs"]
        if not all(account.reaches(path) for path in needs):
            permitted = re.search(r"CapPrm:\s*(\w+)", Path("/proc/self/status").read_text())
            may_search = permitted is not None and int(permitted[1], 16) >> CAP_DAC_READ_SEARCH & 1
            right = "+dac_read_search" if may_search else "+dac_override"
            wrapped += [f"--inh-caps={right}", f"--ambient-caps={right}"]
    return [*wrapped, "--", *(str(part) for part in command)]


def spawn(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None, directory: Path
) -> subprocess.Popen[bytes]:
    """Start `command` as leader of its own session, its output appended to `log`.

    Call it from the main thread: the kernel watches the thread that started the child, not the process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=directory,
            start_new_session=True,
        )


def signal_group(process: subprocess.Popen[bytes], *numbers: int) -> None:
    """Signal everything in the child's process group; a group that is gone is no error.

    SIGCONT belongs after a request to end: a stopped process receives other signals only when it is continued.
    """
    for number in numbers:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def wait_all(processes: Iterable[subprocess.Popen[bytes]], seconds: float) -> list[subprocess.Popen[bytes]]:
    """Wait until all have ended or the time is over; those still running."""
    deadline = time.monotonic() + seconds
    running = []
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            running.append(process)
    return running


def kill_groups(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """End what is left of these groups: leaders, and children that outlived them."""
    for process in processes:
        signal_group(process, signal.SIGKILL)
        # A process that waits for a lost disk does not end even so; the others must not wait for it.
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        # As servers do: connections of an earlier run that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
