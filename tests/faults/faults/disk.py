"""The disk is full just when somebody writes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.faults.base import Impossible, Injected, Skipped, Storm, awaited

FULL_SECONDS = 20.0
ENGINE = {"checkpoint": "training", "index": "retrieval"}


@dataclass(frozen=True)
class FullDisk:
    moment: str
    """`checkpoint`, `index`: while such an engine works; `upload`: at once, somebody always uploads."""

    def inject(self, storm: Storm, draw: random.Random) -> Injected:
        installation = storm.installation
        if not installation.has_own_disk:
            raise Impossible("a disk that can be filled needs root and mount")
        self._wait_for_the_moment(storm)
        installation.fill_disk()
        return Injected(f"the disk is full for {FULL_SECONDS:g} s", FULL_SECONDS, installation.empty_disk)

    def _wait_for_the_moment(self, storm: Storm) -> None:
        module = ENGINE.get(self.moment)
        if module and not awaited(lambda: storm.installation.engines(module), storm.patience):
            raise Skipped(f"no {module} engine was running")
