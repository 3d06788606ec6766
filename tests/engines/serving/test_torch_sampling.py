"""Which token follows: temperature, seed, nucleus and penalty."""

from __future__ import annotations

import pytest
import torch

from workers.engines.serving.backends.protocol import SamplingSettings
from workers.engines.serving.backends.torch.sampling import Sampler

pytestmark = pytest.mark.ml


def sampler(**settings) -> Sampler:
    return Sampler(SamplingSettings(**settings))


LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0])


def test_temperature_zero_chooses_the_most_probable_token() -> None:
    assert sampler(temperature=0).choose(LOGITS) == 1


def test_a_seed_repeats_the_choices() -> None:
    def choices(seed: int) -> list[int]:
        seeded = sampler(seed=seed)
        return [seeded.choose(LOGITS) for _ in range(30)]

    assert choices(7) == choices(7)
    assert choices(7) != choices(8)


def test_top_p_keeps_the_nucleus() -> None:
    # Probabilities: 0.09, 0.66, 0.24, 0.01.
    assert {sampler(top_p=0.5, seed=seed).choose(LOGITS) for seed in range(50)} == {1}
    assert {sampler(top_p=0.8, seed=seed).choose(LOGITS) for seed in range(80)} == {1, 2}


def test_a_flat_distribution_wider_than_the_guess_keeps_its_nucleus() -> None:
    flat = torch.zeros(4096)
    assert len({sampler(top_p=0.9, seed=seed).choose(flat) for seed in range(700)}) > 512


def test_frequency_penalty_changes_the_choice() -> None:
    penalised = sampler(temperature=0, frequency_penalty=1.5)
    assert [penalised.choose(LOGITS) for _ in range(3)] == [1, 2, 1]
