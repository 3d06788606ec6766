"""Watches the processes during a run: two attempts of one job must never be alive together.

It also starts `manage.py up` again when that has died, as systemd would.
"""

from __future__ import annotations

import contextlib

import psutil

from tests.faults.installation import FaultyInstallation

INTERVAL_SECONDS = 0.3


class Monitor:
    def __init__(self, installation: FaultyInstallation) -> None:
        self._installation = installation
        self.simultaneous: set[str] = set()
        """Jobs of which two attempts were alive at the same moment."""

    def look(self) -> None:
        fences: dict[str, set[str]] = {}
        for process in self._installation.engines():
            try:
                job, fence = process.environ()["KOSHA_RUN_DIR"].split("/")[-2:]
            except (psutil.Error, KeyError):
                continue
            fences.setdefault(job, set()).add(fence)
        self.simultaneous |= {job for job, seen in fences.items() if len(seen) > 1}
        self.restart()

    def restart(self) -> None:
        process = self._installation.process
        if process is not None and process.poll() is not None:
            with contextlib.suppress(OSError):  # a disk too full for its log
                self._installation.spawn()
