"""The learning rate's curve."""

from __future__ import annotations

import itertools

import pytest

from workers.contract.specs.training import Hyperparameters
from workers.engines.training.schedule import learning_rate_at


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_it_rises_to_its_top_and_does_not_rise_again(schedule: str) -> None:
    settings = Hyperparameters(learning_rate=0.1, warmup_share=0.1, schedule=schedule)
    rates = [learning_rate_at(step, 100, settings) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([n / 100 for n in range(1, 11)])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[9:]))
    assert min(rates) > 0
    assert rates[-1] == 0.1 if schedule == "constant" else rates[-1] < 0.002


def test_a_single_step_is_taken_in_full() -> None:
    assert learning_rate_at(1, 1, Hyperparameters(learning_rate=0.1)) == 0.1
    assert learning_rate_at(1, 1, Hyperparameters(learning_rate=0.1, warmup_share=0)) == 0.1
