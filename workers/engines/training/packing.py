"""Which samples make up which step, decided before the first one: no padding, and repeatable.

A step is about `tokens_per_step` tokens in packs; a pack is a row of whole samples that the model
reads at once. Since the whole plan follows from the seed, the step's number is the data position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMALLEST_PACK = 1024
"""Shorter rows than this waste a processor on small matrices."""

Pack = tuple[int, ...]
Step = tuple[Pack, ...]


@dataclass(frozen=True)
class PlanSettings:
    epochs: int
    tokens_per_step: int
    sequence_length: int
    seed: int
    processes: int = 1
    max_steps: int | None = None

    @property
    def pack_tokens(self) -> int:
        """How many tokens a pack aims at; a process's share of a step is cut into that many."""
        share = math.ceil(self.tokens_per_step / self.processes)
        return min(share, max(self.sequence_length, SMALLEST_PACK))

    @property
    def packs_per_process(self) -> int:
        return math.ceil(self.tokens_per_step / (self.processes * self.pack_tokens))


def plan_steps(lengths: Sequence[int], repeats: Sequence[int], settings: PlanSettings) -> list[Step]:
    """All steps of the run. `lengths[i]` tokens of sample i, seen `repeats[i]` times in each epoch.

    Every sample is in each epoch exactly `repeats` times (unless `max_steps` cuts the run short), in
    an order drawn from the seed. For several processes each step has the same number of packs,
    a multiple of `processes`; packs may then be empty.
    """
    steps: list[Step] = []
    step: list[int] = []
    tokens = 0
    for sample in _order(repeats, settings):
        if step and tokens + lengths[sample] > settings.tokens_per_step:
            steps.append(_packs(step, lengths, settings))
            step, tokens = [], 0
            if len(steps) == settings.max_steps:
                return steps
        step.append(sample)
        tokens += lengths[sample]
    if step:
        steps.append(_packs(step, lengths, settings))
    return steps


def _order(repeats: Sequence[int], settings: PlanSettings) -> list[int]:
    samples = np.repeat(np.arange(len(repeats)), repeats)
    order: list[int] = []
    for epoch in range(settings.epochs):
        order += np.random.default_rng((settings.seed, epoch)).permutation(samples).tolist()
    return order


def _packs(samples: list[int], lengths: Sequence[int], settings: PlanSettings) -> Step:
    """Longest sample first into the emptiest pack, which keeps the packs nearly equal."""
    if settings.processes == 1:
        count = math.ceil(sum(lengths[sample] for sample in samples) / settings.pack_tokens)
    else:
        count = settings.processes * settings.packs_per_process
    packs: list[list[int]] = [[] for _ in range(count)]
    filled = [0] * count
    for sample in sorted(samples, key=lambda sample: (-lengths[sample], sample)):
        emptiest = filled.index(min(filled))
        packs[emptiest].append(sample)
        filled[emptiest] += lengths[sample]
    return tuple(tuple(pack) for pack in packs if pack or settings.processes > 1)
