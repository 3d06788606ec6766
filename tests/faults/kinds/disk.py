"""The disk is full at the moment of a write."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.kinds.base import FaultContext, Impossible, Injected, Skipped, find_within

FULL_SECONDS = 20.0
ENGINE = {"checkpoint": "training", "index": "retrieval"}


@dataclass(frozen=True)
class FillDisk:
    moment: str
    """`checkpoint`, `index`: while such an engine works; `upload`: at once, for a client always uploads."""

    def inject(self, context: FaultContext, draw: random.Random) -> Injected:
        installation = context.installation
        if not installation.has_own_disk:
            raise Impossible("a disk that can be filled needs root and mount")
        self._wait_for_the_moment(context)
        installation.fill_disk()
        return Injected(f"the disk is full for {FULL_SECONDS:g} s", FULL_SECONDS, installation.empty_disk)

    def _wait_for_the_moment(self, context: FaultContext) -> None:
        module = ENGINE.get(self.moment)
        if module and not find_within(lambda: context.installation.engines(module), context.timeout):
            raise Skipped(f"no {module} engine was running")
