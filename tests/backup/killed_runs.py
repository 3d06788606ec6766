"""Backs up or restores in child processes that are killed at later and later moments, until one survives.

    python -m tests.backup.killed_runs backup|restore FOLDER

A moment is a change that Python makes to the disk, or a start of another program. After each kill nothing incomplete may
pass for complete. Prints the number of kills.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import django

CHANGES = ("os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "subprocess.Popen")
INSIDE_PROGRAM_SECONDS = 0.06


def kill_at(moment: int) -> None:
    """Kill this process at its n-th change; while another program runs for it, a moment later."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if event not in CHANGES and not (event == "open" and _writes(arguments)):
            return
        seen += 1
        if seen < moment:
            return
        if event == "subprocess.Popen" and seen == moment:
            signal.setitimer(signal.ITIMER_REAL, INSIDE_PROGRAM_SECONDS)  # SIGALRM ends a process
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _writes(arguments: tuple) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def moments() -> Iterator[int]:
    """Each one at first, then fewer and fewer."""
    moment = 1.0
    while True:
        yield int(moment)
        moment = max(moment + 1, moment * 1.35)


def main() -> None:
    django.setup()
    from backup import archive
    from backup.creation import BackupRun
    from backup.restoration import RestoreRun
    from config.env import environment
    from stack.state import restore_marker

    what, folder, env = sys.argv[1], Path(sys.argv[2]), environment()

    def quietly(sentence: str) -> None: ...

    def run() -> None:
        if what == "backup":
            BackupRun(env, folder, progress=quietly).run()
        else:
            RestoreRun(env, folder, progress=quietly).run()

    def check() -> None:
        if what == "backup":
            for backup in archive.complete_backups(folder):
                assert archive.verify(backup, archive.read_info(backup), quietly) == []
        elif (env.var / "storage" / "organizations").exists():
            assert restore_marker(env.var).exists(), "an incomplete restore passes for an installation"

    for kills, moment in enumerate(moments()):
        child = os.fork()
        if child == 0:
            kill_at(moment)
            run()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            print(kills)
            return
        assert os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGALRM), status
        check()


if __name__ == "__main__":
    main()
