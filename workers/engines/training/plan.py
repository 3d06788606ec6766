"""The plan of a run: which samples make up which step, and the learning rate of each.

A step is about `tokens_per_step` tokens in packs. A pack is a row of whole samples, without padding, that
the model reads at once. The plan follows from the seed alone, so a step's number is the data position.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.contract.specs.training import Hyperparameters

SMALLEST_PACK = 1024
"""Tokens. Shorter rows make the matrices too small to use a processor well."""

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
        """The length a pack should have: a process's share of a step is divided into packs of about it."""
        share = math.ceil(self.tokens_per_step / self.processes)
        return min(share, max(self.sequence_length, SMALLEST_PACK))

    @property
    def packs_per_process(self) -> int:
        return math.ceil(self.tokens_per_step / (self.processes * self.pack_tokens))


def plan_steps(lengths: Sequence[int], repeats: Sequence[int], settings: PlanSettings) -> list[Step]:
    """All steps of the run. Sample i has `lengths[i]` tokens and is seen `repeats[i]` times in each epoch.

    Every sample is in each epoch exactly `repeats` times (unless `max_steps` ends the run before), in
    an order drawn from the seed. For several processes each step has the same number of packs,
    a multiple of `processes`; packs may then be empty.
    """
    samples = np.repeat(np.arange(len(repeats)), repeats)
    steps: list[Step] = []
    step: list[int] = []
    tokens = 0
    for epoch in range(settings.epochs):
        for sample in np.random.default_rng((settings.seed, epoch)).permutation(samples).tolist():
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


def _packs(samples: list[int], lengths: Sequence[int], settings: PlanSettings) -> Step:
    """Longest sample first into the emptiest pack, which makes the packs nearly equal in length."""
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


def learning_rate_at(step: int, total: int, settings: Hyperparameters) -> float:
    """For `step` from 1 to `total`: linear warm-up, then the chosen decay, never exactly zero."""
    warmup = math.ceil(total * settings.warmup_share)
    if step <= warmup:
        return settings.learning_rate * step / warmup
    left = (total - step + 1) / (total - warmup)
    match settings.schedule:
        case "linear":
            return settings.learning_rate * left
        case "cosine":
            return settings.learning_rate * 0.5 * (1 - math.cos(math.pi * left))
        case "constant":
            return settings.learning_rate
