"""The newest report on the installation, kept for a few seconds, and since when each part is in its state."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from django.utils import timezone

from health.parts import Name, Status
from health.probes import Probe, ask_all, installed_probes
from health.report import Report, judge

KEPT_SECONDS = 3.0
"""The parts are asked no more often than this, however many readers there are."""
KNOWN_SECONDS = 30.0
"""A page shows the last report, if it is no older, rather than wait for a new one."""


class HealthWatch:
    """Thread-safe. `since` is as this process saw it, unless the part itself reports it."""

    def __init__(self, probes: Mapping[Name, Probe]) -> None:
        self._probes = probes
        self._asking = threading.Lock()
        self._report: Report | None = None
        self._began: dict[Name, tuple[Status, datetime]] = {}

    def report(self) -> Report:
        """No older than `KEPT_SECONDS`. Where another thread is asking already, its report is waited for."""
        found = self.known(KEPT_SECONDS)
        if found is not None:
            return found
        with self._asking:
            found = self.known(KEPT_SECONDS)
            if found is None:
                dated = []
                for component in judge(ask_all(self._probes)):
                    status, began = self._began.get(component.name, (None, timezone.now()))
                    if status is not component.status:
                        began = timezone.now()
                        self._began[component.name] = (component.status, began)
                    dated.append(component if component.since else replace(component, since=began))
                found = self._report = Report(tuple(dated), time.monotonic())
            return found

    def known(self, seconds: float = KNOWN_SECONDS) -> Report | None:
        """The last report, without asking."""
        found = self._report
        return found if found is not None and time.monotonic() - found.made_at < seconds else None


@cache
def watch() -> HealthWatch:
    """This process's own."""
    return HealthWatch(installed_probes())
