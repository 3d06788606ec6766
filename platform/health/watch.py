"""The newest report on the installation, kept for a few seconds, and since when each part is so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from django.utils import timezone

from health.components import Component, Name, Report, Status
from health.judging import judge
from health.probes import LIMIT_SECONDS, Probe, ask_all, installed_probes

KEPT_SECONDS = 3.0
"""However many ask, the parts are asked no more often."""
KNOWN_SECONDS = 30.0
"""A page shows what was last known, if it is no older, rather than wait for news."""


class Watch:
    """Thread-safe. `since` is as this process saw it, unless the part itself tells."""

    def __init__(self, probes: Mapping[Name, Probe], limit: float = LIMIT_SECONDS) -> None:
        self._probes = probes
        self._limit = limit
        self._looking = threading.Lock()
        self._report: Report | None = None
        self._began: dict[Name, tuple[Status, datetime]] = {}

    def report(self, kept: float = KEPT_SECONDS) -> Report:
        """No older than `kept` seconds; whoever asks while somebody looks waits for that look."""
        found = self.known(kept)
        if found is not None:
            return found
        with self._looking:
            found = self.known(kept)
            if found is not None:
                return found
            components = self._with_beginnings(judge(ask_all(self._probes, self._limit)))
            self._report = Report(components, time.monotonic())
            return self._report

    def known(self, seconds: float = KNOWN_SECONDS) -> Report | None:
        """What was last found, without looking."""
        found = self._report
        return found if found is not None and time.monotonic() - found.made_at < seconds else None

    def _with_beginnings(self, components: Iterable[Component]) -> tuple[Component, ...]:
        now = timezone.now()
        dated = []
        for component in components:
            status, began = self._began.get(component.name, (None, now))
            if status is not component.status:
                began = now
            self._began[component.name] = (component.status, began)
            dated.append(component if component.since else replace(component, since=began))
        return tuple(dated)


@cache
def watch() -> Watch:
    """This process's own."""
    return Watch(installed_probes())
