"""Looks at what runs, all the time: two attempts of one job must never be seen together.

It also starts `manage.py up` again when it has died, as systemd would.
"""

from __future__ import annotations

import contextlib
import threading

import psutil

from tests.faults.installation import StormedInstallation

LOOK_SECONDS = 0.3


class Watch(threading.Thread):
    def __init__(self, installation: StormedInstallation) -> None:
        super().__init__(name="watch", daemon=True)
        self._installation = installation
        self._end = threading.Event()
        self.together: set[str] = set()

    def run(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            self.look()
            self.start_again()

    def look(self) -> None:
        fences: dict[str, set[str]] = {}
        for process in self._installation.engines():
            try:
                job, fence = process.environ()["KOSHA_RUN_DIR"].split("/")[-2:]
            except (psutil.Error, KeyError):
                continue
            fences.setdefault(job, set()).add(fence)
        self.together |= {job for job, seen in fences.items() if len(seen) > 1}

    def start_again(self) -> None:
        process = self._installation.process
        if process is not None and process.poll() is not None:
            with contextlib.suppress(OSError):  # a disk too full for its log
                self._installation.spawn()

    def end(self) -> None:
        self._end.set()
        if self.is_alive():
            self.join()
