"""The plan of a run: each sample the right number of times, full steps, repeatable, and the learning rates."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.contract.specs.training import Hyperparameters
from workers.engines.training.plan import PlanSettings, learning_rate_at, plan_steps

SETTINGS = PlanSettings(epochs=1, tokens_per_step=4096, sequence_length=1024, seed=0)


@given(
    lengths=st.lists(st.integers(2, 1024), min_size=1, max_size=60),
    epochs=st.integers(1, 3),
    processes=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_each_epoch_has_each_sample_once(lengths, epochs, processes, seed) -> None:
    settings = replace(SETTINGS, epochs=epochs, processes=processes, seed=seed)
    plan = plan_steps(lengths, [1] * len(lengths), settings)
    order = [sample for step in plan for pack in step for sample in pack]
    assert Counter(order) == dict.fromkeys(range(len(lengths)), epochs)
    for step in plan:
        assert sum(lengths[sample] for pack in step for sample in pack) <= settings.tokens_per_step
        if processes > 1:
            assert len(step) == processes * settings.packs_per_process
        else:
            assert all(step)


def test_steps_are_nearly_full_and_packs_nearly_equal() -> None:
    lengths = [64, 100, 300, 512, 900] * 40
    plan = plan_steps(lengths, [1] * len(lengths), SETTINGS)
    filled = [sum(lengths[sample] for pack in step for sample in pack) for step in plan[:-1]]
    assert min(filled) > SETTINGS.tokens_per_step - 900
    packs = [sum(lengths[sample] for sample in pack) for step in plan[:-1] for pack in step]
    assert max(packs) < 1.3 * SETTINGS.pack_tokens


def test_repeats_and_max_steps() -> None:
    plan = plan_steps([100, 100], [1, 3], SETTINGS)
    assert Counter(s for step in plan for pack in step for s in pack) == {0: 1, 1: 3}
    assert len(plan_steps([4096] * 9, [1] * 9, replace(SETTINGS, max_steps=4))) == 4


def test_order_follows_from_the_seed() -> None:
    lengths = list(range(10, 200))
    one, again = (plan_steps(lengths, [1] * 190, SETTINGS) for _ in range(2))
    assert one == again
    assert one != plan_steps(lengths, [1] * 190, replace(SETTINGS, seed=1))
    first, second = (
        sum(step, ()) for step in plan_steps([4096, 4096], [1, 1], replace(SETTINGS, epochs=2))[:2]
    )
    assert {*first, *second} == {0, 1}


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_learning_rate_warms_up_then_never_rises_again(schedule: str) -> None:
    settings = Hyperparameters(learning_rate=0.1, warmup_share=0.1, schedule=schedule)
    rates = [learning_rate_at(step, 100, settings) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([n / 100 for n in range(1, 11)])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[9:]))
    assert min(rates) > 0
    assert rates[-1] == 0.1 if schedule == "constant" else rates[-1] < 0.002


def test_single_step_uses_full_learning_rate() -> None:
    assert learning_rate_at(1, 1, Hyperparameters(learning_rate=0.1)) == 0.1
    assert learning_rate_at(1, 1, Hyperparameters(learning_rate=0.1, warmup_share=0)) == 0.1
