"""The learning rate at each step, as a pure function: nothing to save, nothing to restore."""

from __future__ import annotations

import math

from workers.contract.specs.training import Hyperparameters


def learning_rate_at(step: int, total: int, settings: Hyperparameters) -> float:
    """For `step` from 1 to `total`: linear warm-up, then the chosen fall, never exactly zero."""
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
