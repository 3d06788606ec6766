"""Backs up or restores in children that are killed at one moment after the other, until one survives.

    python -m tests.backup.dying backup|restore FOLDER

A moment is what Python does next to the disk or to another program. After each death it is checked that
nothing half-made passes for whole. Prints the number of deaths.
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


def die_at(moment: int) -> None:
    """SIGKILL this process at its n-th change; while another program runs for it, a moment later, too."""
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
    """Every one at first, then ever rarer."""
    moment = 1.0
    while True:
        yield int(moment)
        moment = max(moment + 1, moment * 1.35)


def main() -> None:
    django.setup()
    from backup import sealed
    from backup.making import Making
    from backup.restoring import Restoring
    from config.env import environment
    from stack.state import restore_marker

    what, folder, env = sys.argv[1], Path(sys.argv[2]), environment()

    def quietly(sentence: str) -> None: ...

    def run() -> None:
        if what == "backup":
            Making(env, folder, say=quietly).run()
        else:
            Restoring(env, folder, say=quietly).run()

    def check() -> None:
        if what == "backup":
            for backup in sealed.complete_backups(folder):
                assert sealed.verify(backup, sealed.read_seal(backup), quietly) == []
        elif (env.var / "storage" / "organizations").exists():
            assert restore_marker(env.var).exists(), "half a restore passes for an installation"

    for deaths, moment in enumerate(moments()):
        child = os.fork()
        if child == 0:
            die_at(moment)
            run()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            print(deaths)
            return
        assert os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGALRM), status
        check()


if __name__ == "__main__":
    main()
