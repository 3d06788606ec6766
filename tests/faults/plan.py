"""Which fault happens when: everything follows from the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

PAUSE = (4.0, 11.0)
"""Seconds between two faults: time for something to begin that the next one can interrupt."""


@dataclass(frozen=True)
class PlannedFault:
    """`at` seconds after the beginning; its random choices follow from `seed`."""

    at: float
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.kind:24} {self.seed}"


def make_plan(seed: int, seconds: float, kinds: Sequence[str]) -> list[PlannedFault]:
    """Every kind once, in an order drawn from the seed, then every kind again, until the time is over."""
    draw = random.Random(seed)
    plan: list[PlannedFault] = []
    at, waiting = 0.0, list[str]()
    while True:
        at += draw.uniform(*PAUSE)
        if at > seconds:
            return plan
        waiting = waiting or draw.sample(sorted(kinds), len(kinds))
        plan.append(PlannedFault(round(at, 1), waiting.pop(), draw.randrange(2**32)))
